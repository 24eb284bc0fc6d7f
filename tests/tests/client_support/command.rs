//! The command `ddsx`, in a home folder of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::Live;

/// The command, in a home folder of its own, where `provider` and `buyer` have their keys.
pub struct Ddsx<'a> {
    pub live: &'a Live,
    home: tempfile::TempDir,
}

impl<'a> Ddsx<'a> {
    pub fn new(live: &'a Live) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, person) in [("provider", &live.provider), ("buyer", &live.buyer)] {
            std::fs::write(home.path().join(format!("{name}.pem")), &person.pem).unwrap();
        }
        let ddsx = Self { live, home };
        ddsx.connect(&live.url);
        ddsx
    }

    /// From now on the network is reached at this URL.
    pub fn connect(&self, url: &str) {
        let config = serde_json::json!({
            "network": url, "root_key": null,
            "registry": self.live.registry.to_text(), "ledger": self.live.ledger.to_text(),
            "aggregator": self.live.aggregator.map(|id| id.to_text()),
        });
        std::fs::write(self.path("ddsx.json"), config.to_string()).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, who: &str, line: &str) -> Command {
        let pem = self.path(&format!("{who}.pem"));
        let identity = if who == "anonymous" {
            who.to_string()
        } else {
            pem.display().to_string()
        };
        let mut command = Command::new(binary());
        command
            .args(line.split_whitespace())
            .current_dir(self.home.path())
            .env_clear()
            .env("DDSX_CONFIG", self.path("ddsx.json"))
            .env("DDSX_HOME", self.path("home"))
            .env("DDSX_IDENTITY", identity);
        command
    }

    /// Runs the command as someone in this folder, where no config file is named.
    pub fn run_in(&self, folder: &std::path::Path, who: &str, line: &str) -> Output {
        let mut command = self.command(who, line);
        command.current_dir(folder).env_remove("DDSX_CONFIG").output().unwrap()
    }

    /// Runs the command as someone.
    pub fn run(&self, who: &str, line: &str) -> Output {
        self.command(who, line).output().unwrap()
    }

    /// Starts it; its stdout can be read while it runs.
    pub fn start(&self, who: &str, line: &str) -> Child {
        self.command(who, line).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Runs it with `--json`; what it answered.
    pub fn json(&self, who: &str, line: &str) -> Value {
        let output = self.run(who, &format!("--json {line}"));
        assert_eq!(
            output.status.code(),
            Some(0),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs it with `--json`; the lines that it answered.
    pub fn lines(&self, who: &str, line: &str) -> Vec<Value> {
        let output = self.run(who, &format!("--json {line}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{line}: {said}");
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        values.collect::<Result<_, _>>().unwrap()
    }

    /// Runs it expecting a failure; exit code and message.
    pub fn failure(&self, who: &str, line: &str) -> (i32, String) {
        let output = self.run(who, line);
        assert!(output.stdout.is_empty(), "{line}: nothing is written on a failure");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

fn binary() -> PathBuf {
    let path = ddsx_tests::built("ddsx");
    assert!(path.is_file(), "no command: cargo build --workspace --all-targets");
    path
}
