//! What PostgreSQL alone is asked: lost connections, two nodes, and a server that is not there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod on_postgresql;

use lockstep_core::env::Env;
use lockstep_store::{OpenError, Store, Target};

#[tokio::test]
async fn a_server_that_does_not_answer_is_one_line() {
    let target = Target::Postgres("postgres://nobody@127.0.0.1:1/none".to_owned());
    let refused = Store::open(&target, Env::system().unwrap()).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }));
    assert_eq!(refused.to_string().lines().count(), 1);
}
