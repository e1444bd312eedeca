//! The client's side of credentials (`ecs-auth`) against the region's, in this process and over
//! sockets.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{
    AccessKey, AuthErrorKind, Credentials, CredentialsProvider, IamClient, Login, MAX_CLOCK_SKEW,
    MetadataKeys, Reference, StaticCredentials, User,
};
use ecs_model::{BatchRebootServers, ListServersDetails, Operation, RebootType, ResponseError};
use ecs_sim::{
    Identity, Metadata, Region, RegionBuilder, Server, ServerBuilder, SharedRegion, SimServer,
    SimTransport, Tls, WRONG_SIGNATURES,
};
use ecs_transport::{Attempt, HyperTransport, Transport};
use jiff::Timestamp;
use secrecy::ExposeSecret;

const IAM: &str = "http://iam.sim";

/// Clients sign by the real clock, so the region's calendar starts now.
fn region() -> RegionBuilder {
    Region::builder().servers(3).epoch(Timestamp::now())
}

fn transport(builder: RegionBuilder) -> (Arc<SimTransport>, Identity) {
    let region = SharedRegion::new(builder.build().unwrap());
    let identity = region.with(|region| region.identity().clone());
    (Arc::new(SimTransport::new(region)), identity)
}

fn user(identity: &Identity) -> User {
    User::name(&identity.user, Reference::name(&identity.domain))
}

fn login(identity: &Identity) -> Login {
    Login::password(user(identity), identity.password.expose_secret())
        .for_project(Reference::name(&identity.region))
}

fn key(identity: &Identity) -> Credentials {
    let key = AccessKey::new(&identity.access_key, identity.secret_key.expose_secret());
    Credentials::access_key(key.unwrap())
}

/// Sends an operation to this address with these credentials. The body of a refusal is parsed.
async fn send(
    transport: &dyn Transport,
    base: &str,
    identity: &Identity,
    operation: &impl Operation,
    credentials: &Credentials,
) -> Result<Bytes, ResponseError> {
    let mut request = operation.encode(&identity.project_id);
    *request.uri_mut() = format!("{base}{}", request.uri()).parse().unwrap();
    credentials.authenticate(&mut request, Timestamp::now());
    let response = transport.send(request, &Attempt::first()).await.unwrap();
    let (head, body) = response.into_parts();
    match head.status.as_u16() {
        200 => Ok(body),
        _ => Err(ResponseError::parse(head.status, &head.headers, &body)),
    }
}

async fn list(
    transport: &dyn Transport,
    identity: &Identity,
    credentials: &Credentials,
) -> Result<Bytes, ResponseError> {
    let operation = ListServersDetails::default();
    send(
        transport,
        "http://ecs.sim",
        identity,
        &operation,
        credentials,
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn each_login_gets_a_valid_token() {
    let (transport, identity) = transport(region());
    let iam = IamClient::new(transport.clone(), IAM).unwrap();
    let region = Reference::name(&identity.region);
    let by_id = Login::password(
        User::id(&identity.user_id),
        identity.password.expose_secret(),
    );
    let domain = Reference::id(&identity.domain_id);
    let by_domain_id = User::name(&identity.user, domain.clone());
    let by_domain_id = Login::password(by_domain_id, identity.password.expose_secret());
    let by_token = Login::token(identity.token.expose_secret());
    let agency = |caller: Credentials, owner| {
        let caller = Arc::new(StaticCredentials::new(caller));
        Login::agency(caller, owner, &identity.agency)
    };
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let domain_name = Reference::name(&identity.domain);
    for login in [
        login(&identity),
        by_id.for_project(Reference::id(identity.project_id.as_str())),
        by_domain_id.for_project(region.clone()),
        by_token.for_project(region.clone()),
        agency(token, domain_name.clone()).for_project(region.clone()),
        agency(key(&identity), domain).for_project(region.clone()),
        agency(key(&identity), domain_name)
            .with_caller_domain_id(&identity.domain_id)
            .for_project(region),
    ] {
        let tokens = iam.tokens(login);
        let credentials = tokens.credentials().await.unwrap();
        list(&*transport, &identity, &credentials).await.unwrap();
        let info = tokens.info().await.unwrap();
        assert_eq!(info.project.unwrap().id, identity.project_id.as_str());
        assert_eq!(info.domain.as_ref(), Some(&identity.domain));
        assert!(info.expires_at.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn passcode_is_accepted_where_a_password_alone_is_not() {
    let (transport, identity) = transport(region().passcode("123456"));
    let iam = IamClient::new(transport.clone(), IAM).unwrap();
    let error = iam
        .tokens(login(&identity))
        .credentials()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    assert!(error.to_string().contains("passcode"), "{error}");
    let tokens = iam.tokens(login(&identity).with_passcode("123456"));
    let credentials = tokens.credentials().await.unwrap();
    list(&*transport, &identity, &credentials).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_password_is_refused_with_a_message() {
    let (transport, identity) = transport(region());
    let iam = IamClient::new(transport, IAM).unwrap();
    let login = Login::password(user(&identity), "sesame");
    let error = iam.tokens(login).credentials().await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    let expected = "answered 401: the user name or password is wrong";
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!error.to_string().contains("sesame"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_renews_its_token_is_never_refused() {
    let life = Duration::from_secs(600);
    let (transport, identity) = transport(region().token_life(life));
    let iam = IamClient::new(transport.clone(), IAM).unwrap();
    let tokens = iam.tokens(login(&identity));
    let first = tokens.credentials().await.unwrap();
    for _ in 0..200 {
        let credentials = tokens.credentials().await.unwrap();
        list(&*transport, &identity, &credentials).await.unwrap();
        tokio::time::sleep(Duration::from_secs(37)).await;
    }
    let error = list(&*transport, &identity, &first).await.unwrap_err();
    assert_eq!(error.status(), 401);
    assert!(
        error.message().unwrap().contains("token expires"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_project_is_found_by_token_and_by_signature() {
    let (transport, identity) = transport(region());
    let iam = IamClient::new(transport, IAM).unwrap();
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    for credentials in [token, key(&identity)] {
        let project = iam.find_project(&credentials, &identity.region).await;
        assert_eq!(project.unwrap().id, identity.project_id.as_str());
        let error = iam.find_project(&credentials, "another").await.unwrap_err();
        assert!(error.to_string().contains("no project is called another"));
    }
    let wrong = AccessKey::new(&identity.access_key, "another-secret").unwrap();
    let wrong = Credentials::access_key(wrong);
    let error = iam.find_project(&wrong, "sim-1").await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    assert!(
        error.to_string().contains("verify aksk signature fail"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_of_the_metadata_service_sign_in_each_of_its_variants() {
    for metadata in [Metadata::Open, Metadata::Protected, Metadata::Plain] {
        let (transport, identity) = transport(region().metadata(metadata));
        let keys = MetadataKeys::at(transport.clone(), "http://169.254.169.254");
        let credentials = keys.credentials().await.unwrap();
        assert_ne!(credentials.access_key_id(), Some(&*identity.access_key));
        list(&*transport, &identity, &credentials).await.unwrap();
    }
    let (transport, _) = transport(region().metadata(Metadata::NoAgency));
    let keys = MetadataKeys::at(transport, "http://169.254.169.254");
    let error = keys.credentials().await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    assert!(error.to_string().contains("agency"), "{error}");
}

/// With one client and one address for everything, as over a socket.
async fn live(builder: ServerBuilder, transport: HyperTransport) {
    let server = SimServer::start(builder).await.unwrap();
    let base = server.info().listening.clone();
    let identity = server.region().with(|region| region.identity().clone());
    let transport: Arc<dyn Transport> = Arc::new(transport);
    let iam = IamClient::new(Arc::clone(&transport), &format!("{base}/v3")).unwrap();
    let restart = BatchRebootServers::new(RebootType::Hard, server.info().servers.clone());
    let restart = restart.unwrap();

    // Each of the credentials reads, the last one acts.
    let tokens = iam.tokens(login(&identity));
    let keys = MetadataKeys::at(Arc::clone(&transport), &base);
    let by_token = tokens.credentials().await.unwrap();
    let temporary = keys.credentials().await.unwrap();
    for credentials in [&by_token, &temporary, &key(&identity)] {
        let found = iam.find_project(credentials, &identity.region).await;
        assert_eq!(found.unwrap().id, identity.project_id.as_str());
        let operation = ListServersDetails::default();
        let listed = send(&*transport, &base, &identity, &operation, credentials).await;
        listed.unwrap();
    }
    let body = send(&*transport, &base, &identity, &restart, &temporary).await;
    let body: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
    server.region().with(|region| {
        let accepted = region.accepted().entries();
        assert_eq!(accepted.len(), 1);
        assert_eq!(body["job_id"], accepted[0].job_id.as_str());
    });

    let wrong = AccessKey::new(&identity.access_key, "another-secret").unwrap();
    let wrong = Credentials::access_key(wrong);
    for _ in 0..WRONG_SIGNATURES {
        let error = send(&*transport, &base, &identity, &restart, &wrong).await;
        let error = error.unwrap_err();
        assert!(
            error
                .message()
                .unwrap()
                .contains("verify aksk signature fail")
        );
    }
    let locked = send(&*transport, &base, &identity, &restart, &key(&identity)).await;
    let locked = locked.unwrap_err();
    assert_eq!(
        (locked.status().as_u16(), locked.code()),
        (401, Some("APIGW.0301"))
    );
    assert!(
        locked.message().unwrap().contains("reach the limit"),
        "{locked}"
    );
    server
        .region()
        .with(|region| assert_eq!(region.accepted().entries().len(), 1));

    // The catalogue refers back to this address.
    let body = serde_json::json!({"auth": {
        "identity": {"methods": ["token"], "token": {"id": identity.token.expose_secret()}},
        "scope": {"project": {"id": identity.project_id}},
    }});
    let request = http::Request::post(format!("{base}/v3/auth/tokens"));
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let response = transport.send(request, &Attempt::first()).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let url = format!("{base}/v1/{}", identity.project_id);
    assert_eq!(body["token"]["catalog"][0]["endpoints"][0]["url"], url);
    server.stop().await;
}

/// The region's clock may run at any speed: clients sign by the real one.
#[tokio::test]
async fn fast_clock_does_not_expire_signatures() {
    let region = Region::builder().servers(1).build().unwrap();
    let server = Server::builder(region).speed(NonZeroU32::new(1_000_000).unwrap());
    let server = SimServer::start(server).await.unwrap();
    let identity = server.region().with(|region| region.identity().clone());
    let client = HyperTransport::builder().native_roots(false).no_proxy();
    let client = client.build().unwrap();
    let list = ListServersDetails::default();
    let base = &server.info().listening;
    loop {
        send(&client, base, &identity, &list, &key(&identity))
            .await
            .unwrap();
        let now = server.region().with(|region| region.now());
        if now > MAX_CLOCK_SKEW * 2 {
            break;
        }
    }
    server.stop().await;
}

fn server() -> ServerBuilder {
    let region = Region::builder().servers(3).metadata(Metadata::Protected);
    Server::builder(region.build().unwrap())
}

#[tokio::test]
async fn everything_works_over_http() {
    let client = HyperTransport::builder().native_roots(false).no_proxy();
    live(server(), client.build().unwrap()).await;
}

#[tokio::test]
async fn everything_works_over_https() {
    let tls = Tls::self_signed().unwrap();
    let client = HyperTransport::builder()
        .native_roots(false)
        .no_proxy()
        .ca_pem(tls.ca_pem().unwrap())
        .build()
        .unwrap();
    live(server().tls(tls), client).await;
}
