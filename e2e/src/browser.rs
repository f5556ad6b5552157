//! A real browser: headless Chromium, by way of its own driver.

mod axe;
mod devtools;
mod driver;

use std::panic::{AssertUnwindSafe, resume_unwind};

use fantoccini::{Client, Locator};
use futures_util::FutureExt;
use serde_json::Value;
use tempfile::TempDir;
use test_support::eventually;
use tokio::process::Child;

/// Height of a window, in pixels.
const HEIGHT: u32 = 900;

/// A browser window.
pub struct Browser {
    /// To drive it.
    pub page: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Opens a window of `width` pixels, hands it to `look`, and closes it
    /// whatever came of that.
    ///
    /// # Panics
    /// When Chromium or its driver is missing, or `look` panics.
    pub async fn visit(width: u32, look: impl AsyncFnOnce(&Self)) {
        let profile = TempDir::new().expect("a folder");
        let (driver, page) = driver::open(profile.path()).await;
        let browser = Self { page, driver, _profile: profile };
        browser.resize(width).await;
        let looked = AssertUnwindSafe(look(&browser)).catch_unwind().await;
        browser.close().await;
        looked.unwrap_or_else(|panic| resume_unwind(panic));
    }

    async fn close(mut self) {
        self.page.close().await.expect("the window closes");
        self.driver.kill().await.expect("the driver ends");
    }

    /// Goes to a page, and waits until it is loaded.
    ///
    /// # Panics
    /// When there is none.
    pub async fn go(&self, url: &str) {
        self.page.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// What an expression is in the page.
    ///
    /// # Errors
    /// When it fails there.
    pub async fn value(&self, expression: &str) -> Result<Value, String> {
        let script = format!("return {expression}");
        self.page.execute(&script, Vec::new()).await.map_err(|error| error.to_string())
    }

    /// What a script hands to `done(…)`, which may be later.
    ///
    /// # Panics
    /// When it hands over nothing in time.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        // What is handed over comes behind the arguments.
        let script = format!("const done = arguments[{}];\n{script}", arguments.len());
        let handed = self.page.execute_async(&script, arguments.to_vec()).await;
        handed.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Waits until an expression is true in the page.
    ///
    /// # Panics
    /// When it does not come to that; with the page's text.
    pub async fn until(&self, expression: &str) {
        eventually(expression, || async {
            match self.value(expression).await? {
                Value::Bool(true) => Ok(()),
                other => Err(format!("{other}; the page: {}", self.text("body").await?)),
            }
        })
        .await;
    }

    /// Waits until something is there.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn has(&self, selector: &str) {
        self.until(&format!("document.querySelector({selector:?}) !== null")).await;
    }

    /// Waits until something says `wanted`, among other words.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn says(&self, selector: &str, wanted: &str) {
        eventually(&format!("{selector} says «{wanted}»"), || async {
            let text = self.text(selector).await?;
            if text.contains(wanted) { Ok(()) } else { Err(text) }
        })
        .await;
    }

    /// The text of the first element that a selector names, seen or not, with
    /// plain spaces.
    ///
    /// # Errors
    /// When there is none.
    pub async fn text(&self, selector: &str) -> Result<String, String> {
        let text =
            self.value(&format!("document.querySelector({selector:?})?.textContent")).await?;
        let text = text.as_str().ok_or_else(|| format!("there is no {selector}"))?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Clicks on something, once it is there.
    ///
    /// # Panics
    /// When it cannot be clicked on.
    pub async fn click(&self, selector: &str) {
        eventually(&format!("a click on {selector}"), || async {
            let found = self.page.find(Locator::Css(selector)).await;
            let found = found.map_err(|error| error.to_string())?;
            found.click().await.map_err(|error| error.to_string())
        })
        .await;
    }

    /// Presses keys, wherever the focus is.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn press(&self, keys: &str) {
        let focused = self.page.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("keys are pressed");
    }
}
