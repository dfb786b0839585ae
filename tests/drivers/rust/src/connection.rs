//! Sessions with the driver's defaults, for the servers that the environment names.

use std::env;
use std::time::{Duration, Instant};

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

use crate::Anything;

pub const REPLICATED: &str = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

const PATIENCE: Duration = Duration::from_secs(30);

/// The server whose address is in the environment under `prefix`.
pub fn to(prefix: &str) -> Anything<SessionBuilder> {
    let host = env::var(format!("{prefix}_HOST"))?;
    let port = env::var(format!("{prefix}_PORT"))?;
    let profile = ExecutionProfile::builder().request_timeout(Some(PATIENCE)).build();
    Ok(SessionBuilder::new()
        .known_node(format!("{host}:{port}"))
        .connection_timeout(PATIENCE)
        .default_execution_profile_handle(profile.into_handle()))
}

/// Asks until it holds, 10 s at most, and says whether it does.
pub async fn eventually(session: &Session, holds: impl Fn(&Session) -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if holds(session) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}
