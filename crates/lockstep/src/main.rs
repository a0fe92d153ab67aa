//! The `lockstep` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Requests take memory on one thread and give it back on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    lockstep::cli::main()
}
