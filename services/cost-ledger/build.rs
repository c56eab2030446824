//! Rebuilds the crate when a migration is added: `sqlx::migrate!` embeds the folder, and the
//! compiler by itself watches only the files it has seen there before.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
