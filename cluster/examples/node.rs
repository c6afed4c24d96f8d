//! A scheduler, or an executor with test kernels: `node scheduler ADDRESS TIMEOUT` or `node executor SCHEDULER FOLDER`.
//! It prints its address, and ends at the end of its standard input.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs, clippy::panic)]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cluster::{
    Executor, ExecutorSettings, Factors, KernelError, Kernels, Lists, Rows, Scheduler, SchedulerSettings,
    Seen, Table, TableView,
};

/// Kernels that write a log. Their behavior depends on the name of the shard, which is its reference.
#[derive(Debug)]
struct TestKernels {
    log: PathBuf,
}

impl TestKernels {
    fn write_log(&self, text: &str) -> Result<(), KernelError> {
        let file = OpenOptions::new().append(true).create(true).open(&self.log);
        file.and_then(|mut file| writeln!(file, "{text}"))
            .map_err(|error| KernelError::Transient(error.to_string()))
    }
}

impl Kernels for TestKernels {
    fn user_factors(&self, name: &str, users: Rows<'_>) -> Result<Factors, KernelError> {
        self.write_log(&format!("user_factors {name} {}", users.indptr.len() - 1))?;
        if name == "refused" {
            return Err(KernelError::Fatal("no such model".to_owned()));
        }
        if name == "shaky" && fs::read_to_string(&self.log).unwrap_or_default().matches("shaky").count() < 3 {
            return Err(KernelError::Transient("the model is not available yet".to_owned()));
        }
        // The first computation of the shard `lost` does not end.
        if name == "lost" && fs::File::create_new(self.log.with_file_name(name)).is_ok() {
            std::thread::sleep(Duration::from_secs(3600));
        }
        while name.starts_with("held") && !self.log.with_file_name("released").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.write_log(&format!("done {name}"))?;
        let sums = |of: &dyn Fn(usize) -> f32| Table {
            indptr: (0..users.indptr.len()).collect(),
            values: users.indptr.windows(2).map(|row| (row[0]..row[1]).map(of).sum()).collect(),
        };
        Ok(Factors { ranking: sums(&|i| users.movies[i] as f32), rating: sums(&|i| users.ratings[i]) })
    }

    fn top_n(
        &self,
        _: &str,
        ranking: TableView<'_>,
        rating: TableView<'_>,
        seen: Seen<'_>,
    ) -> Result<Lists, KernelError> {
        let last =
            seen.indptr.windows(2).map(|row| seen.movies[row[0]..row[1]].iter().max().map_or(0, |m| m + 1));
        Ok(Lists {
            indptr: (0..seen.indptr.len()).collect(),
            movies: last.collect(),
            scores: ranking.values.to_vec(),
            ratings: rating.values.to_vec(),
        })
    }

    fn check(&self, _: &str) -> Result<String, KernelError> {
        Ok(String::new())
    }
}

/// Waits for the end of the standard input, which the test keeps open.
async fn end_of_input() {
    let _ = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await;
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let any = ([127, 0, 0, 1], 0).into();
    match arguments[..] {
        ["scheduler", address, seconds] => {
            let executor_timeout = Duration::from_secs(seconds.parse().expect("seconds"));
            let settings = SchedulerSettings { bind: address.parse().expect("an address"), executor_timeout };
            let scheduler = Scheduler::bind(settings).await.expect("an address");
            println!("{}", scheduler.address().expect("an address"));
            scheduler.serve(end_of_input()).await.expect("a service");
        }
        ["executor", scheduler, folder] => {
            let folder = PathBuf::from(folder);
            let settings = ExecutorSettings {
                scheduler: scheduler.to_owned(),
                bind: any,
                host: None,
                slots: 1,
                work_dir: folder.join("work"),
            };
            let executor = Executor::bind(settings).await.expect("an address");
            println!("{}", executor.address().expect("an address"));
            let kernels = TestKernels { log: folder.join(format!("log-{}", std::process::id())) };
            executor.serve(Arc::new(kernels), end_of_input()).await.expect("a service");
            // `exit` does not wait for threads that compute.
            std::process::exit(0);
        }
        _ => panic!("scheduler or executor?"),
    }
}
