//! Checks every request and answer of every test against Discord's own description of its API, where
//! `DISCORD_OPENAPI` names the file.

use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use tributary_sandbox::openapi::{Call, Contract, Exception, Exceptions, Place};
use tributary_sandbox::{Exchange, Observer};

/// Where the description and Discord differ, or where a test causes what the description doesn't foresee.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        operation: "*",
        place: Place::Status,
        pointer_prefix: "",
        reason: "the description names no 5xx, and faults are caused on purpose",
    },
    Exception {
        operation: "*",
        place: Place::Response,
        pointer_prefix: "/errors/**/_errors",
        reason: "described as an integer; Discord sends words such as BASE_TYPE_MAX_LENGTH",
    },
    Exception {
        operation: "*",
        place: Place::Response,
        pointer_prefix: "/code",
        reason: "answers to rate limits on a route have no code, though described as required",
    },
    Exception {
        operation: "*",
        place: Place::Response,
        pointer_prefix: "/**/message_reference/type",
        reason: "described as always 0; of a forward it is 1",
    },
    Exception {
        operation: "*",
        place: Place::Response,
        pointer_prefix: "/**/components/**/type",
        reason: "components that Discord adds later are posted on purpose",
    },
    Exception {
        operation: "GET /channels/{channel_id}",
        place: Place::Response,
        pointer_prefix: "/type",
        reason: "media channels (16) are documented, but the description doesn't know them",
    },
    Exception {
        operation: "GET /guilds/{guild_id}/channels",
        place: Place::Response,
        pointer_prefix: "/*/type",
        reason: "media channels, as above",
    },
    Exception {
        operation: "PUT /applications/{application_id}/commands",
        place: Place::Request,
        pointer_prefix: "",
        reason: "the library writes permissions as text, as Discord answers them, and always sends nsfw and all fields of an option",
    },
    Exception {
        operation: "POST /oauth2/{?}",
        place: Place::Route,
        pointer_prefix: "",
        reason: "the token endpoint is documented, but the description leaves it out",
    },
    Exception {
        operation: "POST /oauth2/{?}/{?}",
        place: Place::Route,
        pointer_prefix: "",
        reason: "revoking tokens, as above",
    },
];

static CONTRACT: LazyLock<Option<Contract>> = LazyLock::new(|| {
    let path = std::env::var_os("DISCORD_OPENAPI")?;
    let contract = Contract::load(path.as_ref()).expect("DISCORD_OPENAPI names Discord's description");
    Some(contract.with_exceptions(Exceptions::new(EXCEPTIONS.iter().copied())))
});

/// Stands for the check that all tests share: ignored where nothing is checked, so that the run doesn't look
/// as if it were.
#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[test]
fn exchanges_are_checked_against_discords_description() {
    let contract = CONTRACT.as_ref().expect("DISCORD_OPENAPI must name Discord's description");
    let call = Call {
        method: "GET",
        path: "/gateway/nothing",
        query: None,
        request: None,
        status: 200,
        response: None,
    };
    assert!(!contract.check(&call).is_empty(), "a path that Discord doesn't have");
}

/// Ends the test at the first exchange that breaks the contract.
pub fn observer() -> Option<Observer> {
    let contract = CONTRACT.as_ref()?;
    Some(Arc::new(move |exchange: &Exchange| check(contract, exchange)))
}

fn check(contract: &Contract, exchange: &Exchange) {
    let call = Call {
        method: &exchange.method,
        path: &exchange.path,
        query: exchange.query.as_deref(),
        request: exchange.request.as_ref(),
        status: exchange.status,
        response: exchange.response.as_ref(),
    };
    if exchange.status == 0 || exchange.foreign {
        return;
    }
    let violations: Vec<String> = contract.check(&call).iter().map(ToString::to_string).collect();
    if !violations.is_empty() {
        // In a server's task a panic would be swallowed: the whole run ends.
        // Written past the capture of a test's output, which would die with the run.
        let report = format!(
            "an exchange breaks Discord's contract: {} {}\n{}\n",
            exchange.method,
            exchange.path,
            violations.join("\n")
        );
        let _ = std::io::stderr().write_all(report.as_bytes());
        std::process::exit(101);
    }
}
