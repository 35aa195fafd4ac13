//! The engine's own binary: driver or executor where the environment says so, else a small command. It holds no
//! application of its own beyond SQL and the built-in jobs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs applications on Apache DataFusion Ballista.
#[derive(Parser)]
#[command(name = "onager-engine", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a SQL script on this machine, without executors.
    Run {
        /// Path or URI of the script: local:///path, s3a://bucket/key.
        script: String,
        /// One key of sparkConf; hadoopConf goes under spark.hadoop.
        #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = pair)]
        conf: Vec<(String, String)>,
        /// The application's arguments.
        arguments: Vec<String>,
    },
    /// Copies this binary to DEST, so that an init container can bring it into another image.
    Install {
        /// Where to: a file, or a folder that is there.
        dest: PathBuf,
    },
}

fn main() -> ExitCode {
    if let Some(code) = onager::engine::start() {
        return code;
    }
    match Cli::parse().command {
        Command::Run { script, conf, arguments } => {
            onager::engine::run_script(&script, &BTreeMap::from_iter(conf), &arguments)
        }
        Command::Install { dest } => match install(&dest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("cannot install to {}: {error}", dest.display());
                ExitCode::FAILURE
            }
        },
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().into(), value.into()))
}

fn install(dest: &Path) -> io::Result<()> {
    let dest = match dest.is_dir() {
        true => dest.join("onager-engine"),
        false => dest.to_path_buf(),
    };
    // A copy that breaks off must not stand where a whole binary is expected.
    let partial = dest.with_extension("partial");
    fs::copy(std::env::current_exe()?, &partial)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o755))?;
    fs::rename(&partial, &dest)
}
