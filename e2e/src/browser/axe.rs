//! What axe-core finds wrong with a page for whoever cannot see it, or cannot
//! use a mouse.

use serde_json::Value;
use test_support::eventually;

use super::Browser;

/// Of its own folder, with its licence; for the tests alone.
const AXE: &str = include_str!("../../vendor/axe/axe.min.js");

/// Each violation in a line, with the elements it is about.
const RUN: &str = r"
axe.run(document, { resultTypes: ['violations'] }).then(
  ({ violations }) => done(violations.map(({ id, impact, help, nodes }) =>
    `${id} (${impact}): ${help}\n` + nodes.map(({ html, failureSummary }) =>
      `    ${html.slice(0, 200)}\n      ${failureSummary.replaceAll('\n', ' ')}`).join('\n'))),
  (error) => done([String(error)]),
);";

impl Browser {
    /// Has axe-core look at the page as it is, with all its default rules.
    ///
    /// # Panics
    /// With the violations, if there are any that stay.
    pub async fn is_accessible(&self) {
        let url = self.page.current_url().await.expect("a page");
        // A part that is exchanged while it looks is looked at again.
        eventually(&format!("axe finds nothing wrong with {url}"), || async {
            let missing = self.value("typeof axe === 'undefined'").await?;
            if missing == Value::Bool(true) {
                self.page.execute(AXE, Vec::new()).await.map_err(|error| error.to_string())?;
            }
            match self.run(RUN, &[]).await.as_array().map(Vec::as_slice) {
                Some([]) => Ok(()),
                Some(found) => Err(lines(found)),
                None => Err("axe handed over no list".to_owned()),
            }
        })
        .await;
    }
}

fn lines(found: &[Value]) -> String {
    found.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}
