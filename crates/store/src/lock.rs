//! Exactly one process runs the jobs of a SQLite file.

use std::fs::{File, TryLockError};

use crate::db::Target;
use crate::error::OpenError;

/// The right to run jobs, until it is dropped or the process ends.
#[derive(Debug)]
pub struct WorkerLock {
    _file: Option<File>,
}

/// Takes the right to run jobs; `None` while another process has it. On PostgreSQL everybody has it: there claims
/// and lanes keep nodes apart.
///
/// # Errors
/// When the lock file next to the database cannot be made.
pub fn try_worker_lock(target: &Target) -> Result<Option<WorkerLock>, OpenError> {
    let Target::Sqlite(path) = target else { return Ok(Some(WorkerLock { _file: None })) };
    let mut name = path.as_os_str().to_owned();
    name.push(".worker");
    let io = |error: std::io::Error| OpenError::Io { location: name.display().to_string(), detail: error.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(WorkerLock { _file: Some(file) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}
