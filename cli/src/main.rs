//! The command `activations`.

use std::process::ExitCode;

fn main() -> ExitCode {
    wgpu_activations_cli::main()
}
