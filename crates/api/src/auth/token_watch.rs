//! The token of a stream, which ends with it.

use std::time::{Duration, Instant};

use crate::auth::access::Caller;

/// Time between two checks of the token, within which the stream of a revoked one ends.
const CHECK_INTERVAL: Duration = Duration::from_secs(4);

/// Watches whether the token that opened a stream is still valid.
#[derive(Debug)]
pub(crate) struct TokenWatch {
    checked_at: Instant,
}

impl TokenWatch {
    /// Begins with a token that was just checked.
    pub(crate) fn begin() -> Self {
        Self {
            checked_at: Instant::now(),
        }
    }

    /// Whether the token still exists and has not expired; without a database the last answer counts.
    pub(crate) async fn is_valid<N, O>(&mut self, caller: &Caller<N, O>) -> bool {
        let identity = caller.identity();
        if identity
            .expires_at
            .is_some_and(|end| end <= caller.server().now())
        {
            return false;
        }
        if self.checked_at.elapsed() < CHECK_INTERVAL {
            return true;
        }
        self.checked_at = Instant::now();
        !matches!(caller.catalog().tokens().find(identity.token).await, Ok(None))
    }
}
