//! Lets the check of the permission answer before that of the body: who may not do something does not learn how it is
//! written.
//!
//! The arguments of a handler are read at the same time, and the first error is the answer. A body or query string that is
//! wrong therefore waits until the caller is known to be allowed.

use std::rc::Rc;
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};
use tokio::sync::watch;

use crate::http::problem::Problem;

/// The longest wait for the check of a permission, which reads the database.
const PERMISSION_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether the caller of a request is known to be allowed.
struct PermissionSignal(Rc<watch::Sender<bool>>);

/// Says that the caller of a request is allowed.
pub(crate) fn signal_permission(request: &HttpRequest) {
    signal_of(request).send_replace(true);
}

/// Returns a problem of the request itself, once the caller is known to be allowed. A caller who is not has the answer
/// before, which ends the wait.
pub(crate) async fn after_permission(request: &HttpRequest, problem: Problem) -> Problem {
    let mut allowed = signal_of(request).subscribe();
    let permission = allowed.wait_for(|allowed| *allowed);
    let _ = tokio::time::timeout(PERMISSION_TIMEOUT, permission).await;
    problem
}

fn signal_of(request: &HttpRequest) -> Rc<watch::Sender<bool>> {
    let mut extensions = request.extensions_mut();
    if let Some(PermissionSignal(signal)) = extensions.get() {
        return Rc::clone(signal);
    }
    let signal = Rc::new(watch::Sender::new(false));
    extensions.insert(PermissionSignal(Rc::clone(&signal)));
    signal
}
