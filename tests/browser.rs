//! A Chromium that tests control through chromedriver.
//!
//! The commands are W3C WebDriver, JSON over HTTP, sent by the HTTP client of all tests. A WebDriver library would build half
//! of the dependencies a second time.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::eventually;
use serde_json::{Value, json};

/// Keys as WebDriver writes them.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const SPACE: &str = " ";
pub(crate) const RIGHT: &str = "\u{e014}";
pub(crate) const DOWN: &str = "\u{e015}";

/// A browser with one window, closed when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
}

impl Browser {
    /// Starts the driver named by `RECOMMENDER_TEST_BROWSER` on a free port, and a browser.
    pub(crate) fn start() -> Self {
        let program = env::var_os("RECOMMENDER_TEST_BROWSER").unwrap();
        let mut driver = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            line.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let url = format!("http://127.0.0.1:{}/session", port.unwrap());
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(120))).build().into();
        let mut browser = Self { driver, agent, session: url };
        // Root's Chromium has no sandbox, and containers have little shared memory.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1100,900",
        ];
        let options = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let session = browser.command("", json!({"capabilities": {"alwaysMatch": options}}));
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().unwrap());
        browser
    }

    /// Sends a command, which must succeed, and returns its value.
    fn command(&self, name: &str, parameters: Value) -> Value {
        let request = self.agent.post(format!("{}{name}", self.session)).content_type("application/json");
        let mut response = request.send(parameters.to_string()).unwrap();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        assert!(response.status().is_success(), "{name} {parameters}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["value"].take()
    }

    pub(crate) fn open(&self, url: &str) {
        self.command("/url", json!({"url": url}));
    }

    /// Runs a script and returns its value.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", json!({"script": script, "args": []}))
    }

    /// Waits until a script returns true.
    pub(crate) fn until(&self, condition: &str) {
        eventually(condition, || self.run(&format!("return Boolean({condition})")) == true);
    }

    /// Waits until the text of an element contains another.
    pub(crate) fn until_text(&self, selector: &str, text: &str) {
        eventually(&format!("{selector} says {text}"), || self.text(selector).contains(text));
    }

    /// The text of the first visible element, empty if there is none.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.texts(selector).into_iter().next().unwrap_or_default()
    }

    /// The texts of all visible elements.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let all = format!("[...document.querySelectorAll({})]", json!(selector));
        let seen = format!("{all}.filter((one) => one.checkVisibility()).map((one) => one.innerText)");
        serde_json::from_value(self.run(&format!("return {seen}"))).unwrap()
    }

    /// Clicks on an element, which must exist.
    pub(crate) fn click(&self, selector: &str) {
        self.command(&format!("/element/{}/click", self.find(selector)), json!({}));
    }

    /// Replaces the text of an input element.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.command(&format!("/element/{element}/clear"), json!({}));
        self.command(&format!("/element/{element}/value"), json!({"text": text}));
    }

    fn find(&self, selector: &str) -> String {
        let found = self.command("/element", json!({"using": "css selector", "value": selector}));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// Presses keys in turn, in the element that has the focus.
    pub(crate) fn press(&self, keys: &str) {
        let strokes =
            keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|act| json!({"type": act, "value": key})));
        let strokes: Vec<_> = strokes.collect();
        self.command("/actions", json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]}));
    }

    /// Sends a command of DevTools' `Emulation`, such as `setEmulatedMedia`.
    pub(crate) fn emulate(&self, what: &str, parameters: Value) {
        self.command("/goog/cdp/execute", json!({"cmd": format!("Emulation.{what}"), "params": parameters}));
    }

    /// A screenshot of the window as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let mut response = self.agent.get(format!("{}/screenshot", self.session)).call().unwrap();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        let value: Value = serde_json::from_str(&body).unwrap();
        from_base64(value["value"].as_str().unwrap())
    }

    /// The warnings and errors in the console since the last call, including violations of the Content-Security-Policy.
    pub(crate) fn console_errors(&self) -> Vec<String> {
        let log = self.command("/se/log", json!({"type": "browser"}));
        let errors = log.as_array().unwrap().iter().filter(|entry| entry["level"] != "INFO");
        errors.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The URLs of all requests since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.command("/se/log", json!({"type": "performance"}));
        let message = |entry: &Value| -> Value {
            serde_json::from_str::<Value>(entry["message"].as_str().unwrap()).unwrap()["message"].take()
        };
        let messages = log.as_array().unwrap().iter().map(message);
        let sent = messages.filter(|message| message["method"] == "Network.requestWillBeSent");
        sent.map(|message| message["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes the browser. The session does not exist if the test has failed to start it.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    let digits: Vec<_> = text.bytes().filter_map(|byte| DIGITS.iter().position(|&one| one == byte)).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let number = four.iter().fold(0, |sum, digit| sum << 6 | digit) << (6 * (4 - four.len()));
        let bytes = [(number >> 16) as u8, (number >> 8) as u8, number as u8];
        bytes.into_iter().take(four.len() - 1)
    });
    bytes.collect()
}
