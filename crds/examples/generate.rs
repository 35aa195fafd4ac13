//! Writes the CRDs, generated from the types, to each folder named in the arguments.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    for generated in onager_crds::crd::all()? {
        let text = serde_yaml::to_string(&generated.crd)?;
        for folder in &folders {
            fs::create_dir_all(folder)?;
            fs::write(folder.join(generated.file), &text)?;
        }
    }
    Ok(())
}
