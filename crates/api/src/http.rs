//! What every route shares: reading requests, rendering responses, the description of the interface.

pub(crate) mod base_path;
pub(crate) mod body;
pub(crate) mod codes;
pub(crate) mod docs_page;
pub(crate) mod idempotency;
pub(crate) mod openapi;
pub(crate) mod paging;
pub(crate) mod param_text;
pub(crate) mod path;
pub(crate) mod permission_first;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod respond;
pub(crate) mod sse;
pub(crate) mod timestamp;
