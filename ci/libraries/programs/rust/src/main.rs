//! The smallest daemon there is around several libraries: it locks as the
//! library's documentation says, waits for the end of its input, and lets go.

use fs2::FileExt;
use std::{env, fs, io, process};

fn main() {
    let args: Vec<String> = env::args().collect();
    let path = &args[2];
    let beside = format!("{path}.lock");
    match args[1].as_str() {
        "daemonize" => {
            daemonize::Daemonize::new()
                .pid_file(path)
                .start()
                .unwrap_or_else(|e| fail(e));
            loop {
                std::thread::park();
            }
        }
        "fd-lock" => {
            let mut lock = fd_lock::RwLock::new(create(&beside));
            let _guard = lock.try_write().unwrap_or_else(|e| fail(e));
            serve(path);
        }
        "fs2" => {
            let file = create(&beside);
            file.try_lock_exclusive().unwrap_or_else(|e| fail(e));
            serve(path);
            file.unlock().unwrap();
        }
        other => fail(format!("no library {other}")),
    }
}

fn create(path: &str) -> fs::File {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .open(path)
        .unwrap_or_else(|e| fail(e))
}

fn serve(path: &str) {
    fs::write(path, format!("{}\n", process::id())).unwrap();
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
    fs::remove_file(path).unwrap();
}

fn fail<T>(error: impl std::fmt::Display) -> T {
    eprintln!("{error}");
    process::exit(1)
}
