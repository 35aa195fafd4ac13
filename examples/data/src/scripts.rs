//! The SQL scripts of the examples, part of this binary, uploaded where their applications look for them. They are
//! written each time: they are small and change with the tree.

use anyhow::Result;

use crate::store::Store;

const SCRIPTS: [(&str, &str); 7] = [
    ("scripts/tpch-report.sql", include_str!("../../teams/alpha/tpch-report.sql")),
    ("scripts/taxi-etl.sql", include_str!("../../teams/beta/taxi-etl.sql")),
    ("scripts/history.sql", include_str!("../../teams/theta/history.sql")),
    ("scripts/forecast.sql", include_str!("../../teams/theta/forecast.sql")),
    ("scripts/audit.sql", include_str!("../../teams/theta/audit.sql")),
    ("scripts/orders.sql", include_str!("../../teams/delta/orders.sql")),
    ("scripts/stock.sql", include_str!("../../teams/delta/stock.sql")),
];

/// Writes all scripts.
pub async fn upload(store: &Store) -> Result<()> {
    for (path, text) in SCRIPTS {
        store.put(path, text.into()).await?;
        store.say(path);
    }
    Ok(())
}
