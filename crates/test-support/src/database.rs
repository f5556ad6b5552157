//! A database of a test's own on a real PostgreSQL.

use std::process::Stdio;

use tokio::process::Command;
use uuid::Uuid;

use crate::variable;

/// A random database; the server is thrown away after the run.
pub struct TestDatabase {
    url: String,
}

impl TestDatabase {
    /// Makes an empty database.
    ///
    /// # Panics
    /// Without a server, or when it refuses.
    pub async fn create() -> Self {
        let server = variable("RELEVO_TEST_POSTGRES");
        let name = format!("test_{}", Uuid::now_v7().simple());
        let made = Command::new("psql")
            .args([&server, "--quiet", "--command", &format!("CREATE DATABASE {name}")])
            .stdin(Stdio::null())
            .output()
            .await
            .expect("psql starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        Self { url: format!("{base}/{name}") }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
