//! An object store: a process that can be killed and restarted with its objects.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use harness::eventually;
use serde_json::Value;

/// A policy that allows its user everything.
const EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

/// A process of moto, which keeps its objects in memory and records its requests on disk.
pub(crate) struct ObjectStore {
    process: Child,
    port: u16,
    dir: PathBuf,
}

/// An access key and its secret.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl ObjectStore {
    /// Starts a store that keeps its record in a directory.
    pub(crate) fn start(dir: PathBuf) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let log = dir.join("log");
        let mut command = Command::new(env::var_os("RECOMMENDER_TEST_S3").unwrap());
        command.args(["-p", "0"]).env("MOTO_ENABLE_RECORDING", "1");
        command.env("MOTO_RECORDER_FILEPATH", dir.join("recording"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let process = command.spawn().unwrap();
        let mut port = None;
        eventually("the object store listens", || {
            let text = fs::read_to_string(&log).unwrap();
            port = between(&text, "Running on http://127.0.0.1:", "\n").and_then(|port| port.parse().ok());
            port.is_some()
        });
        Self { process, port: port.unwrap(), dir }
    }

    /// Kills it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the store again with the objects that it had.
    pub(crate) fn restart(&mut self) {
        // Reads are left out. A request whose record is incomplete was not carried out.
        let recording = self.dir.join("recording");
        let text = fs::read_to_string(&recording).unwrap();
        let is_change =
            |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|request| request["method"] != "GET");
        let changes = text.lines().filter(is_change);
        fs::write(&recording, changes.map(|line| line.to_owned() + "\n").collect::<String>()).unwrap();
        *self = Self::start(self.dir.clone());
        self.request("POST", "moto-api/recorder/replay-recording", "");
    }

    /// Sends a request that must succeed; returns the body.
    pub(crate) fn request(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
        let request = ureq::http::Request::builder().method(method).uri(self.url(path));
        let request = request.header("authorization", signature("s3")).body(body.as_ref()).unwrap();
        let mut response = ureq::run(request).unwrap();
        response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap()
    }

    /// The current port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        self.request("GET", &format!("recs/site/{key}"), "")
    }

    pub(crate) fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        self.request("PUT", &format!("recs/site/{key}"), content);
    }

    /// The names of the objects with a prefix.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let list = self.request("GET", &format!("recs?list-type=2&prefix=site/{prefix}"), "");
        let list = String::from_utf8(list).unwrap();
        let keys = list.split("<Key>site/").skip(1).map(|rest| rest.split("</Key>").next().unwrap());
        keys.map(str::to_owned).collect()
    }

    /// Creates an access key with all permissions. The store checks every signature from now on.
    pub(crate) fn check_credentials(&self) -> Credentials {
        let policy = [("PolicyName", "everything"), ("PolicyDocument", EVERYTHING)];
        self.request_iam("CreateUser", &[]);
        self.request_iam("PutUserPolicy", &policy);
        let created = self.request_iam("CreateAccessKey", &[]);
        let value =
            |name: &str| between(&created, &format!("<{name}>"), &format!("</{name}>")).unwrap().to_owned();
        self.request("POST", "moto-api/reset-auth", "0");
        Credentials { id: value("AccessKeyId"), secret: value("SecretAccessKey") }
    }

    fn request_iam(&self, action: &str, form: &[(&str, &str)]) -> String {
        let fields = [("Action", action), ("Version", "2010-05-08"), ("UserName", "site")];
        let request = ureq::post(self.url("")).header("authorization", signature("iam"));
        let mut response = request.send_form([&fields, form].concat()).unwrap();
        response.body_mut().read_to_string().unwrap()
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // A test may have killed it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Credentials {
    /// Sets the credentials in the environment of a program.
    pub(crate) fn to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("AWS_ACCESS_KEY_ID", &self.id).env("AWS_SECRET_ACCESS_KEY", &self.secret)
    }
}

/// A signature of a service, which is not checked.
fn signature(service: &str) -> String {
    let scope = format!("any/20200101/us-east-1/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none")
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
