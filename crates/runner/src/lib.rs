//! Runs the jobs of tasks on a worker: processes and HTTP requests.

pub mod disk;
pub mod disk_guard;
pub mod journal_file;
pub mod limits;
pub mod log_files;
pub mod process;
pub mod runners;
pub mod secret_runner;

mod file_remover;
mod http;
mod job_end;
mod log_identities;
mod log_tail;
mod python;
mod remove_tree;
mod shell;
mod spare_files;
mod task_file;
