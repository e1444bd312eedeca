//! Broken descriptions: the small one with one change, and the expected error.

use super::{SMALL, generate};

/// The replaced text (its first occurrence), its replacement, and the error with its line.
const BROKEN: &[(&str, &str, &str)] = &[
    // The YAML.
    (
        "  title: Small",
        "  title: [Small",
        "5: illegal placement of ':' indicator",
    ),
    (
        "  title: Small",
        "  title: Small\n  title: Again",
        "5: `title` is given already in line 4; remove one",
    ),
    (
        "  title: Small",
        "  title: &anchor Small",
        "4: anchors, aliases and tags are not read; write the value out",
    ),
    (
        "  title: Small",
        "  title: yes",
        "4: `yes` means different things to different readers of YAML; put it into quotes",
    ),
    (
        "  title: Small",
        "  title: 1.5",
        "4: `1.5` means different things to different readers of YAML; put it into quotes",
    ),
    (
        "  title: Small",
        "  title: 2026-11-23",
        "4: `2026-11-23` means different things to different readers of YAML; put it into quotes",
    ),
    (
        "  title: Small",
        "  ? [Small]\n  : title",
        "4: a key must be a text",
    ),
    (
        "x-ecs-errors:",
        "---\nx-ecs-errors:",
        "248: a second document begins here; put everything into the first",
    ),
    // Keywords.
    (
        "  title: Small",
        "  title: Small\n  colour: red",
        "5: `colour` is not a keyword of `info`; it may have title, version, description",
    ),
    (
        "  version: \"1\"\n",
        "",
        "4: `info` needs the keyword `version`; add it",
    ),
    (
        "  title: Small",
        "  title: 5",
        "4: `title` must be a text, found an integer",
    ),
    (
        "  title: Small",
        "  title: \" \"",
        "4: `title` is blank; fill it in",
    ),
    (
        "\"3.1.0\"",
        "\"3.0.3\"",
        "2: `openapi` is \"3.0.3\"; only \"3.1.0\" is read",
    ),
    (
        "    post:",
        "    patch:",
        "11: `patch` is not a keyword of a path; it may have parameters, get, post",
    ),
    (
        "maximum: 50",
        "maximun: 50",
        "86: `maximun` is not a keyword of a schema; it may have pattern, minLength, maxLength, description, x-ecs-source, x-ecs-handwritten, $ref, type, const, oneOf, anyOf, x-ecs-known-values, minimum, maximum, default, minItems, maxItems, uniqueItems, x-ecs-unique, items, additionalProperties, x-ecs-keep-rest, required, properties",
    ),
    (
        "maximum: 50",
        "maximum: \"50\"",
        "86: `maximum` must be an integer, found a text",
    ),
    (
        "maximum: 50",
        "maxItems: 50",
        "86: `maxItems` says nothing without `type: array`; correct one of them",
    ),
    (
        "type: boolean",
        "type: bool",
        "217: \"bool\" is not a type; it may be null, boolean, integer, string, array, object",
    ),
    (
        "servers_per_minute: 60",
        "servers_per_minute: 0",
        "22: `servers_per_minute` must be at least 1",
    ),
    // References and names.
    (
        "$ref: \"#/components/schemas/Thing\"",
        "$ref: \"#/components/schemas/Think\"",
        "67: there is no schema `Think` under components; add it or correct the reference",
    ),
    (
        "$ref: \"#/components/schemas/Thing\"",
        "$ref: \"thing.json\"",
        "67: `$ref` must begin with \"#/components/schemas/\", found \"thing.json\"",
    ),
    (
        "responses/Failure",
        "responses/Failed",
        "69: there is no response `Failed` under components",
    ),
    (
        "parameters/JobId",
        "parameters/JobID",
        "54: there is no parameter `JobID` under components",
    ),
    (
        "x-ecs-handwritten: JobId",
        "x-ecs-handwritten: JobID",
        "125: `JobId` says that JobID is written by hand, but there are only ProjectId, JobId, ServerId, ScalingGroupId, ShortText, Accepted, ResponseError, Addresses",
    ),
    (
        "operationId: ShowThing",
        "operationId: ListThings",
        "74: the operationId `ListThings` is given already in line 56; rename one",
    ),
    (
        "const: BROKEN",
        "const: UNKNOWN",
        "191: `Unknown` stands for every value that is not listed; leave this one out",
    ),
    (
        "const: BROKEN",
        "const: as_new",
        "191: the value `AsNew` is given already in line 189; rename one",
    ),
    (
        "const: BROKEN",
        "const: \"2ND\"",
        "191: `2ND` cannot become a Rust name",
    ),
    (
        "        count:\n",
        "        host-id:\n",
        "211: the field `host_id` is given already in line 205; rename one",
    ),
    (
        "required: [reboot]",
        "required: [restart]",
        "148: `restart` is required but is not among the properties",
    ),
    // The code needs this.
    (
        "x-ecs-idempotency: not-idempotent",
        "x-ecs-idempotency: sometimes",
        "15: `x-ecs-idempotency` is \"sometimes\"; it may be idempotent or not-idempotent",
    ),
    (
        "x-ecs-idempotency: idempotent",
        "x-ecs-idempotency: not-idempotent",
        "59: a GET is idempotent; say so, or use another method",
    ),
    (
        "/v1/{project_id}/things/detail",
        "/v2/{project_id}/things/detail",
        "70: a path must begin with /v1/{project_id}/, /v2.1/{project_id}/, /v3/{project_id}/ or /NAME/v1/{project_id}/",
    ),
    (
        "/v1/{project_id}/things/{job_id}",
        "/v1/{project_id}/things/{thing_id}",
        "51: the path names {thing_id}, but not among its parameters",
    ),
    (
        "          key: reboot",
        "          key: restart",
        "21: the body of an action must be an object with the one field `restart`, an object of servers and perhaps a type",
    ),
    (
        "                - $ref: \"#/components/schemas/StartBody\"\n",
        "",
        "36: the body must be `oneOf` the bodies of x-ecs-actions, in their order",
    ),
    (
        "      x-ecs-source: page/things\n",
        "",
        "74: the operation needs x-ecs-source: the page that it is described on",
    ),
    (
        "      additionalProperties: false\n",
        "      additionalProperties: true\n",
        "148: nothing is required of an answer: it is read as far as it goes",
    ),
    (
        "      additionalProperties: false\n",
        "",
        "146: an object must say `additionalProperties`: false in a request, true in an answer",
    ),
    (
        "      additionalProperties: false\n",
        "      additionalProperties: false\n      x-ecs-keep-rest: true\n",
        "148: an object without additional properties has no rest; remove `x-ecs-keep-rest`",
    ),
    (
        "type: boolean",
        "type: boolean\n          x-ecs-keep-rest: true",
        "218: `x-ecs-keep-rest` says nothing without `type: object`; correct one of them",
    ),
    (
        "        made-of:",
        "        rest:",
        "243: `rest` would be named like what x-ecs-keep-rest keeps; rename it",
    ),
    (
        "      maxItems: 10\n",
        "",
        "172: a list of a request needs `items`, `minItems` and a `maxItems` that is not smaller",
    ),
    (
        "      x-ecs-unique: id\n",
        "",
        "172: `uniqueItems` and `x-ecs-unique` belong together; give both, or uniqueItems: false",
    ),
    (
        "            minimum: 1\n",
        "",
        "84: a query parameter is a string, or an integer with a minimum of 0 or more",
    ),
    // The error catalogue.
    (
        "executed: maybe",
        "executed: perhaps",
        "269: `executed` is \"perhaps\"; it may be \"no\" or maybe",
    ),
    (
        "{executed: maybe}",
        "{throttling: true}",
        "269: a disposition needs the keyword `executed`; add it",
    ),
    (
        "code: thing.0001",
        "code: thing.0002",
        "257: the code `thing.0002` is given already in line 252; rename one",
    ),
    ("status: 404", "status: 4040", "253: 4040 is no HTTP status"),
    (
        "executed: \"no\", one_server: true",
        "executed: maybe, one_server: true",
        "256: one_server needs executed: \"no\", because splitting a batch sends it again",
    ),
    (
        "executed: \"no\", throttling",
        "executed: maybe, throttling",
        "261: throttling needs executed: \"no\", because a throttled request is sent again",
    ),
    (
        "throttling: true, retryable: true",
        "throttling: true",
        "261: throttling needs retryable: a throttled request is welcome later",
    ),
    (
        "throttling: true, retryable: true",
        "credentials: true, retryable: true",
        "261: credentials that were refused are never worth a retry; drop retryable",
    ),
    (
        "        advice: ask\n",
        "",
        "265: an error needs the keyword `advice`; add it",
    ),
    (
        "          description: Its id.\n",
        "          description: Its id.\n          type: string\n",
        "201: `type` says nothing beside `$ref`; remove one",
    ),
    (
        "executed: \"no\", one_server: true",
        "executed: maybe, credentials: true",
        "256: credentials needs executed: \"no\", because refused credentials are reported as nothing done",
    ),
    (
        "          type: boolean",
        "          type: string\n          maxLength: 5",
        "218: `maxLength` is checked by types written by hand only; see x-ecs-handwritten",
    ),
    (
        "          anyOf:",
        "          type: object\n          anyOf:",
        "230: `type` says nothing beside `anyOf`; remove one",
    ),
    // Changes that would give code that does not compile or that is wrong.
    (
        "operationId: ShowThing",
        "operationId: Show Thing",
        "56: `Show Thing` cannot be the name of a type; write it LikeThis",
    ),
    (
        "operationId: ShowThing",
        "operationId: Self",
        "56: `Self` cannot be the name of a type; write it LikeThis",
    ),
    (
        "    Thing:\n",
        "    thing:\n",
        "193: `thing` cannot be the name of a type; write it LikeThis",
    ),
    (
        "x-ecs-idempotency: not-idempotent",
        "x-ecs-idempotency: idempotent",
        "15: a POST acts anew each time it is accepted: it is not-idempotent",
    ),
    (
        "/v1/{project_id}/things/detail:",
        "/v1/{project_id}/things/{project_id}:",
        "70: only the names of its parameters tell this path from the one in line 51",
    ),
    (
        "            maximum: 50\n",
        "            maximum: 0\n",
        "86: `maximum` is 0, which the bounds beside it exclude",
    ),
    (
        "            default: 5\n",
        "            default: 51\n",
        "87: `default` is 51, which the bounds beside it exclude",
    ),
    (
        "code: thing.0001",
        "code: thing 0001",
        "257: \"thing 0001\" is no error code; it has letters, digits, `.`, `-` and `_`",
    ),
];

#[test]
fn each_broken_description_gives_its_error() {
    let mut wrong = Vec::new();
    for (good, bad, expected) in BROKEN {
        assert!(SMALL.contains(good), "{good:?} is not in small.yaml");
        let error = match generate(&SMALL.replacen(good, bad, 1)) {
            Ok(_) => "accepted".to_owned(),
            Err(problem) => problem.to_string(),
        };
        if error != *expected {
            wrong.push(format!(
                "{bad:?}\n  gave     {error}\n  expected {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
