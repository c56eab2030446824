//! Writes docs/BEHAVIOUR.md from the table of scenarios.

use terrace_e2e::table;

fn main() -> anyhow::Result<()> {
    let families = table::FAMILIES.map(table::family);
    let families = families.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    std::fs::write(table::page_path(), table::page(&families))?;
    Ok(())
}
