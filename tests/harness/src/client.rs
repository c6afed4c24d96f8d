//! A client that reads answers completely, for comparisons.

use std::net::SocketAddr;

use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, AsSendBody, Body};

use crate::{LIST, TIMEOUT, eventually};

/// A client of one server. It keeps its connections and returns every answer, also errors and redirects.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    address: SocketAddr,
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: String,
}

impl Client {
    /// A client of the server at an address.
    pub fn of(address: SocketAddr) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        let agent = config.max_redirects(0).max_redirects_will_error(false).build().into();
        Self { agent, address }
    }

    /// Sends a GET request.
    pub fn get(&self, target: &str) -> Answer {
        self.request("GET", target)
    }

    /// Sends a request without a body.
    pub fn request(&self, method: &str, target: &str) -> Answer {
        self.send(Request::builder().method(method).uri(self.uri(target)).body(()).unwrap())
    }

    /// Sends a GET request with a header.
    pub fn get_with(&self, target: &str, name: &str, value: &str) -> Answer {
        self.send(Request::get(self.uri(target)).header(name, value).body(()).unwrap())
    }

    /// Sends a body of JSON.
    pub fn post(&self, target: &str, body: &str) -> Answer {
        let request = Request::post(self.uri(target)).header("content-type", "application/json");
        self.send(request.body(body).unwrap())
    }

    /// Waits until the server has opened a generation, the given one if any.
    pub fn wait_until_ready(&self, generation: Option<&str>) {
        eventually(&format!("the server serves {}", generation.unwrap_or("a generation")), || {
            let answer = self.get("/readyz");
            answer.status == 200 && generation.is_none_or(|id| answer.header("x-generation") == id)
        });
    }

    /// The body of [`LIST`], which must come from the given generation.
    pub fn list_of(&self, generation: &str) -> String {
        let answer = self.get(LIST);
        assert_eq!((answer.status, answer.header("x-generation")), (200, generation));
        answer.body
    }

    fn uri(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    fn send(&self, request: Request<impl AsSendBody>) -> Answer {
        let (head, mut body) = Response::<Body>::into_parts(self.agent.run(request).unwrap());
        Answer { status: head.status.as_u16(), headers: head.headers, body: body.read_to_string().unwrap() }
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The ids of the items of a list.
    pub fn ids(&self) -> Vec<u64> {
        self.json()["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
    }

    /// A header's text, empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
