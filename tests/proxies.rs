//! nginx and HAProxy in front of a server: every request gets the server's own answer.
//!
//! Both keep their connections to the server. Neither repeats a request, so that no error is hidden.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use harness::{Server, TIMEOUT, World, eventually, isolated};

/// The number of requests through each proxy.
const N_REQUESTS: usize = 100_000;
/// The number of clients that send them.
const N_CLIENTS: usize = 16;

/// A proxy that listens on a socket in the file system, stopped when it is dropped.
struct Proxy {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Proxy {
    /// Starts a proxy by the arguments in front of the path of a configuration.
    fn start(world: &World, name: &str, arguments: &[&str], config: &str) -> Self {
        let dir = env::var_os("RECOMMENDER_TEST_PROXIES").unwrap();
        let (socket, log) = (world.path(&format!("{name}.socket")), world.path(&format!("{name}.log")));
        let config = world.write(&format!("{name}.conf"), config);
        let mut command = isolated(Command::new(Path::new(&dir).join(name)));
        let output = File::create(&log).unwrap();
        command.args(arguments).arg(config).stdout(output.try_clone().unwrap()).stderr(output);
        let mut proxy = Self { child: command.spawn().unwrap(), socket, log };
        eventually("the proxy listens", || {
            assert!(proxy.child.try_wait().unwrap().is_none(), "{}", proxy.log());
            UnixStream::connect(&proxy.socket).is_ok()
        });
        proxy
    }

    /// nginx with one process.
    fn nginx(world: &World, server: SocketAddr) -> Self {
        let dir = world.path("");
        let dir = dir.display();
        let config = format!(
            "daemon off; master_process off; pid {dir}/nginx.pid; error_log stderr;
            events {{ worker_connections 256; }}
            http {{
              access_log off;
              client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
              uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
              upstream recommender {{ server {server} max_fails=0; keepalive 8; }}
              server {{
                listen unix:{dir}/nginx.socket;
                keepalive_requests 1000000;
                location / {{
                  proxy_pass http://recommender; proxy_http_version 1.1; proxy_next_upstream off;
                  proxy_set_header Connection ''; proxy_set_header Host $host;
                }}
              }}
            }}"
        );
        let (error_log, end) = (world.path("nginx-start.log"), "-c");
        Self::start(world, "nginx", &["-e", error_log.to_str().unwrap(), end], &config)
    }

    /// HAProxy in the foreground, which also asks for the server's health.
    fn haproxy(world: &World, server: SocketAddr) -> Self {
        let socket = world.path("haproxy.socket");
        let config = format!(
            "global
  maxconn 256
  nbthread 1
defaults
  mode http
  retries 0
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend clients
  bind unix@{}
  default_backend recommender
backend recommender
  option httpchk GET /livez
  server one {server} check inter 50ms fall 1
",
            socket.display()
        );
        Self::start(world, "haproxy", &["-db", "-f"], &config)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request and its answer by the server itself.
struct Case {
    request: String,
    has_body: bool,
    status: u16,
    body: String,
}

fn cases(server: &Server) -> Vec<Case> {
    let case = |method: &str, target: &str, sent: &str| {
        let answer = if sent.is_empty() { server.request(method, target) } else { server.post(target, sent) };
        let length =
            if sent.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", sent.len()) };
        let request = format!("{method} {target} HTTP/1.1\r\nHost: movies.example\r\n{length}\r\n{sent}");
        Case { request, has_body: method != "HEAD", status: answer.status, body: answer.body }
    };
    let mut cases: Vec<_> = (0..40)
        .map(|user| case("GET", &format!("/recommendations?user_id={user}&n=10&returnMetadata=true"), ""))
        .collect();
    cases.push(case("HEAD", "/recommendations?user_id=18", ""));
    cases.push(case("GET", "/features?user_id=18", ""));
    cases.push(case("GET", "/movies?title=a", ""));
    cases.push(case("GET", "/nowhere", ""));
    cases.push(case("GET", "/recommendations?user_id=x", ""));
    cases.push(case("POST", "/recommendations", r#"{"ratings":[{"id":18,"rating":5}],"n":10}"#));
    cases.push(case("POST", "/recommendations", r#"{"ratings":[[],[]]}"#));
    cases
}

/// Sends a request and reads the status and the body of its answer.
fn ask(stream: &mut BufReader<UnixStream>, case: &Case) -> (u16, String) {
    stream.get_mut().write_all(case.request.as_bytes()).unwrap();
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    while line != "\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "closed in the middle of a head");
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim_end().parse().unwrap();
        }
    }
    let mut body = vec![0; if case.has_body { length } else { 0 }];
    stream.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

/// Sends many requests through a proxy and compares every answer with that of the server.
fn send_through(proxy: &Proxy, cases: &[Case]) {
    let n_sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..N_CLIENTS {
            scope.spawn(|| {
                let stream = UnixStream::connect(&proxy.socket).unwrap();
                stream.set_read_timeout(Some(TIMEOUT)).unwrap();
                let mut stream = BufReader::new(stream);
                loop {
                    let number = n_sent.fetch_add(1, Ordering::Relaxed);
                    if number >= N_REQUESTS {
                        break;
                    }
                    let case = &cases[number % cases.len()];
                    let (status, body) = ask(&mut stream, case);
                    assert_eq!((status, &body), (case.status, &case.body), "{}", case.request);
                }
            });
        }
    });
}

#[test]
fn nginx_and_haproxy_pass_a_hundred_thousand_requests_without_an_error() {
    let world = World::new();
    world.run_quickly(&[]);
    let server = world.serve_when_ready();
    let cases = cases(&server);
    for proxy in [Proxy::nginx, Proxy::haproxy] {
        let proxy = proxy(&world, server.address());
        send_through(&proxy, &cases);
        let log = proxy.log();
        assert!(!log.contains("[error]") && !log.contains("is DOWN"), "{log}");
    }
    assert!(server.terminate().success());
}
