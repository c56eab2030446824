//! Compiles the protos with protox, so that nobody has to install protoc.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

/// One descriptor set per package, so that a server reflects only what it serves.
const PACKAGES: &[&str] = &[
    "common",
    "classifier",
    "gateway",
    "judge",
    "ledger",
    "router",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = folder_from_cargo("CARGO_MANIFEST_DIR")?.join("../../proto");
    let out = folder_from_cargo("OUT_DIR")?;
    println!("cargo:rerun-if-changed={}", root.display());

    let mut all = Vec::new();
    for package in PACKAGES {
        let files = proto_files(&root.join("terrace").join(package).join("v1"))?;
        let set = protox::compile(&files, [&root])?;
        fs::write(out.join(format!("{package}.v1.bin")), set.encode_to_vec())?;
        all.extend(files);
    }
    let everything = protox::compile(&all, [&root])?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::SmallBuffers")
        .compile_fds(everything)?;
    Ok(())
}

fn folder_from_cargo(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{variable} is not set: cargo sets it"))
}

fn proto_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
