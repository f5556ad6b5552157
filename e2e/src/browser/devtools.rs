//! What a reader may have set up otherwise: the width of the window, dark
//! colours, no movement, no scripts. By the protocol of the developer tools.

use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{Browser, HEIGHT};

/// A command of that protocol.
#[derive(Debug)]
struct DevTools {
    name: &'static str,
    parameters: Value,
}

type UrlError = <Url as std::str::FromStr>::Err;

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, UrlError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.name, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

impl Browser {
    async fn devtools(&self, name: &'static str, parameters: Value) {
        let command = DevTools { name, parameters };
        let done = self.page.issue_cmd(command).await;
        done.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Makes the window `width` pixels wide: also narrower than a desktop lets
    /// a window be.
    ///
    /// # Panics
    /// When it cannot be made so.
    pub async fn resize(&self, width: u32) {
        let size =
            json!({ "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Asks pages for a colour scheme (`light` or `dark`), and for movement or
    /// for less of it (`no-preference` or `reduce`).
    ///
    /// # Panics
    /// When it cannot be asked for.
    pub async fn prefer(&self, scheme: &str, motion: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": motion },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Runs no script of any page from now on; the tests' own still run.
    ///
    /// # Panics
    /// When it cannot be set.
    pub async fn run_no_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }
}
