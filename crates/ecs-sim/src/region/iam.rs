//! The identity service (IAM): tokens and projects.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::Region;
use crate::admission::{Caller, Scope};
use crate::answer::Answer;
use crate::serve::Encrypted;

/// The caller of a login, with the limits that its token inherits.
struct Login {
    user: String,
    /// The latest expiry of the token: not after the credentials that it was issued for.
    ends: Option<Duration>,
    methods: Vec<String>,
}

impl Region {
    /// Answers the query of versions, which clients send first.
    pub(super) fn show_version(&mut self, _: &Request<Bytes>) -> Answer {
        Answer::found(&json!({"version": {
            "id": "v3.6",
            "status": "stable",
            "updated": "2026-01-01T00:00:00Z",
            "media-types": [{
                "base": "application/json",
                "type": "application/vnd.openstack.identity-v3+json",
            }],
            "links": [{"rel": "self", "href": "/v3/"}],
        }}))
    }

    pub(super) fn list_projects(&mut self, request: &Request<Bytes>) -> Answer {
        if let Err(error) = self.admit(request) {
            return error.into_iam_answer();
        }
        let query = request.uri().query().unwrap_or_default();
        let mut names = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "name");
        let fits = names.all(|(_, wanted)| wanted == *self.identity.region);
        let identity = &self.identity;
        let project = json!({
            "id": identity.project_id,
            "name": identity.region,
            "domain_id": identity.domain_id,
            "parent_id": identity.domain_id,
            "is_domain": false,
            "enabled": true,
            "description": "",
        });
        let projects = if fits { vec![project] } else { Vec::new() };
        Answer::found(&json!({
            "projects": projects,
            "links": {"self": "/v3/projects", "previous": null, "next": null},
        }))
    }

    pub(super) fn issue_token(&mut self, request: &Request<Bytes>) -> Answer {
        self.log_in(request).unwrap_or_else(|refusal| refusal)
    }

    /// Describes a token to any holder, who needs no other credentials.
    pub(super) fn describe_token(&mut self, request: &Request<Bytes>) -> Answer {
        if let Err(error) = self.admit(request) {
            return error.into_iam_answer();
        }
        let subject = request.headers().get("x-subject-token");
        let Some(subject) = subject else {
            return malformed("the header X-Subject-Token is missing");
        };
        let Ok(caller) = self.admit_token(subject.as_bytes()) else {
            let message = "the token of X-Subject-Token is not known";
            return Answer::Keystone(StatusCode::NOT_FOUND, message.to_owned());
        };
        let login = Login {
            user: self.identity.user.clone(),
            ends: caller.ends,
            methods: vec!["password".to_owned()],
        };
        let end = caller
            .ends
            .unwrap_or_else(|| self.now.saturating_add(self.settings.token_life));
        Answer::found(&self.describe(&login, caller.scope, end, &base(request)))
    }

    fn log_in(&mut self, request: &Request<Bytes>) -> Result<Answer, Answer> {
        let body: Value = serde_json::from_slice(request.body())
            .map_err(|_| malformed("the body is not valid JSON"))?;
        let identity = body
            .pointer("/auth/identity")
            .ok_or_else(|| malformed("the body has no /auth/identity"))?;
        let login = self.identify(request, identity)?;
        let scope = self.scope(body.pointer("/auth/scope"))?;
        let end = self.now.saturating_add(self.settings.token_life);
        let end = login.ends.map_or(end, |limit| limit.min(end));
        let described = self.describe(&login, scope, end, &base(request));
        let token = self.admission.issue_token(scope, end, self.now);
        Ok(Answer::Issued(token, described.to_string().into_bytes()))
    }

    fn identify(&mut self, request: &Request<Bytes>, identity: &Value) -> Result<Login, Answer> {
        let methods = identity.get("methods").and_then(Value::as_array);
        let mut methods: Vec<String> = methods
            .into_iter()
            .flatten()
            .filter_map(|method| Some(method.as_str()?.to_owned()))
            .collect();
        methods.sort_unstable();
        let names: Vec<&str> = methods.iter().map(String::as_str).collect();
        let mut user = self.identity.user.clone();
        let ends = match names[..] {
            ["password"] => self.check_password(identity, None)?,
            ["password", "totp"] => self.check_password(identity, identity.get("totp"))?,
            ["token"] => {
                let token = text(identity, "/token/id").unwrap_or_default();
                let caller = self.admit_token(token.as_bytes());
                caller.map_err(|error| error.into_iam_answer())?.ends
            }
            ["assume_role"] => {
                let caller = self.assume(request, identity.get("assume_role"))?;
                user = format!("{}/{}", self.identity.domain, self.identity.agency);
                caller.ends
            }
            _ => {
                return Err(malformed(
                    "/auth/identity/methods must be password, password and totp, token, or assume_role",
                ));
            }
        };
        Ok(Login {
            user,
            ends,
            methods,
        })
    }

    fn check_password(
        &self,
        identity: &Value,
        totp: Option<&Value>,
    ) -> Result<Option<Duration>, Answer> {
        use secrecy::ExposeSecret;
        let password = text(identity, "/password/user/password");
        let right = self.is_user(identity.pointer("/password/user"))
            && password == Some(self.identity.password.expose_secret());
        if !right {
            return Err(unauthorized("the user name or password is wrong"));
        }
        let passcode = totp.and_then(|totp| text(totp, "/user/passcode"));
        let wanted = self.settings.passcode.as_ref();
        match (wanted.map(ExposeSecret::expose_secret), totp) {
            (None, None) => Ok(None),
            (Some(wanted), Some(totp))
                if passcode == Some(wanted) && self.is_user(totp.get("user")) =>
            {
                Ok(None)
            }
            (Some(_), None) => Err(unauthorized("this user must send a passcode (totp), too")),
            (_, Some(_)) => Err(unauthorized("the passcode is wrong")),
        }
    }

    /// Matches a user by id, or by name and domain.
    fn is_user(&self, user: Option<&Value>) -> bool {
        let Some(user) = user else { return false };
        match (text(user, "/id"), text(user, "/name")) {
            (Some(id), _) => id == self.identity.user_id,
            (None, Some(name)) => {
                name == self.identity.user && self.is_domain(user.get("domain"), "id", "name")
            }
            (None, None) => false,
        }
    }

    fn is_domain(&self, domain: Option<&Value>, id: &str, name: &str) -> bool {
        let field = |field| domain?.get(field)?.as_str();
        match (field(id), field(name)) {
            (Some(id), _) => id == self.identity.domain_id,
            (None, Some(name)) => name == self.identity.domain,
            (None, None) => false,
        }
    }

    /// Lets any known caller assume the region's only agency. Its name has two fields: OTC's and
    /// Huawei's.
    fn assume(&mut self, request: &Request<Bytes>, role: Option<&Value>) -> Result<Caller, Answer> {
        let caller = self
            .admit(request)
            .map_err(|refusal| refusal.into_iam_answer())?;
        let name = |name| role?.get(name)?.as_str();
        let agency = name("xrole_name").or(name("agency_name"));
        if !self.is_domain(role, "domain_id", "domain_name")
            || agency != Some(&self.identity.agency)
        {
            let reason = "there is no such agency in this domain";
            return Err(Answer::Keystone(StatusCode::NOT_FOUND, reason.to_owned()));
        }
        Ok(caller)
    }

    fn scope(&self, scope: Option<&Value>) -> Result<Scope, Answer> {
        let part = |name| scope.and_then(|scope| scope.get(name));
        if let Some(project) = part("project") {
            let own_domain = project
                .get("domain")
                .is_none_or(|domain| self.is_domain(Some(domain), "id", "name"));
            let own = match (text(project, "/id"), text(project, "/name")) {
                (Some(id), _) => id == self.identity.project_id.as_str(),
                (None, Some(name)) => name == self.identity.region && own_domain,
                (None, None) => {
                    return Err(malformed("/auth/scope/project has neither id nor name"));
                }
            };
            return if own {
                Ok(Scope::Project)
            } else {
                Err(unauthorized("there is no such project for this user"))
            };
        }
        match part("domain") {
            None => Ok(Scope::Unscoped),
            domain if self.is_domain(domain, "id", "name") => Ok(Scope::Domain),
            Some(_) => Err(unauthorized("there is no such domain for this user")),
        }
    }

    fn describe(&self, login: &Login, scope: Scope, end: Duration, base: &str) -> Value {
        let (identity, calendar) = (&self.identity, self.calendar());
        let domain = json!({"id": identity.domain_id, "name": identity.domain});
        let role = if self.settings.read_only {
            "readonly"
        } else {
            "te_admin"
        };
        let mut token = json!({
            "methods": login.methods,
            "issued_at": calendar.iso(self.now),
            "expires_at": calendar.iso(end),
            "user": {"id": identity.user_id, "name": login.user, "domain": domain},
            "roles": [{"id": "0", "name": role}],
            "catalog": [],
        });
        match scope {
            Scope::Project => {
                let project = &identity.project_id;
                let service = |kind: &str, path: String| {
                    json!({"id": kind, "name": kind, "type": kind, "endpoints": [{
                        "id": kind,
                        "interface": "public",
                        "region": identity.region,
                        "region_id": identity.region,
                        "url": format!("{base}{path}"),
                    }]})
                };
                token["catalog"] = json!([
                    service("ecs", format!("/v1/{project}")),
                    service("identity", "/v3".to_owned()),
                ]);
                token["project"] =
                    json!({"id": project, "name": identity.region, "domain": domain});
            }
            Scope::Domain => token["domain"] = domain,
            Scope::Unscoped => {}
        }
        json!({"token": token})
    }
}

/// Returns the address by which the client reached the region.
fn base(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    let scheme = match request.extensions().get::<Encrypted>() {
        Some(_) => "https",
        None => uri.scheme_str().unwrap_or("http"),
    };
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let host = uri.authority().map(|authority| authority.as_str()).or(host);
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn malformed(reason: &str) -> Answer {
    Answer::Keystone(StatusCode::BAD_REQUEST, reason.to_owned())
}

fn unauthorized(reason: &str) -> Answer {
    Answer::Keystone(StatusCode::UNAUTHORIZED, reason.to_owned())
}
