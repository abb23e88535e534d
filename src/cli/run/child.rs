//! A tool as a child process: its output live and captured, signals handed on, its end.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::ui::Ui;

/// Where a tool may write NAME=VALUE lines about what it did.
pub(super) const FIELDS_VARIABLE: &str = "LEDGER_FIELDS";
const CHUNK: usize = 64 * 1024;
/// Chunks that may wait to be printed: the tool is slowed down rather than memory filled.
const CHUNKS: usize = 16;
/// How long the output may stay silent after the tool ended, where something that the tool left
/// running holds it open.
const AFTERGLOW: Duration = Duration::from_millis(500);
/// What a shell ends with where a command is not there, or is there and cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// How a tool ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToolExit {
    /// With this exit code.
    Code(u8),
    /// By this signal.
    Signal(i32),
    /// Before it began, and with which code a shell would say so.
    NotStarted(u8, String),
}

impl ToolExit {
    /// The exit code that tells it on.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Code(code) | Self::NotStarted(code, _) => *code,
            Self::Signal(signal) => u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX),
        }
    }

    /// In one line.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Code(code) => format!("the tool ended with exit code {code}"),
            Self::Signal(signal) => format!("the tool was killed by signal {signal}"),
            Self::NotStarted(_, why) => format!("the tool could not be started: {why}"),
        }
    }
}

/// What a tool did.
pub(super) struct ToolRun {
    pub(super) ended: ToolExit,
    /// The first bytes of what it printed on both streams, in the order they came.
    pub(super) output: Vec<u8>,
    /// Whether it printed more than was kept.
    pub(super) truncated: bool,
    /// Whether a signal was handed on.
    pub(super) interrupted: bool,
}

enum ToolEvent {
    Out(Vec<u8>),
    Err(Vec<u8>),
    Closed,
    Ended(io::Result<ExitStatus>),
}

/// Runs the tool to its end. Keeps the first `limit` bytes of its output.
pub(super) fn run(command: &[OsString], fields: Option<&Path>, limit: u64, ui: &mut Ui) -> ToolRun {
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut ran = ToolRun {
        ended: ToolExit::Code(0),
        output: Vec::new(),
        truncated: false,
        interrupted: false,
    };
    match start(command, fields, ui.in_is_terminal(), &interrupted) {
        Ok(news) => pass_through(&news, limit, ui, &mut ran),
        Err(fault) => {
            let code = match fault.kind() {
                io::ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_RUNNABLE,
            };
            ran.ended = ToolExit::NotStarted(code, fault.to_string());
            ui.warn(ran.ended.describe());
        }
    }
    ran.interrupted = interrupted.load(Ordering::SeqCst);
    ran
}

fn start(
    command: &[OsString],
    fields: Option<&Path>,
    at_terminal: bool,
    interrupted: &Arc<AtomicBool>,
) -> io::Result<mpsc::Receiver<ToolEvent>> {
    let (program, args) = command
        .split_first()
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut command = Command::new(program);
    command
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(fields) = fields {
        command.env(FIELDS_VARIABLE, fields);
    }
    // Before the tool starts: a signal between start and handler would end only one of the two.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let running = Arc::new(Mutex::new(true));
    let (send, news) = mpsc::sync_channel(CHUNKS);
    if let Some(out) = child.stdout.take() {
        read_into(out, send.clone(), ToolEvent::Out);
    }
    if let Some(err) = child.stderr.take() {
        read_into(err, send.clone(), ToolEvent::Err);
    }

    let (still_running, interrupted) = (running.clone(), interrupted.clone());
    std::thread::spawn(move || {
        for signal in signals.forever() {
            interrupted.store(true, Ordering::SeqCst);
            // A terminal gives these to the tool as well, and many tools take a second one for
            // impatience.
            if at_terminal && matches!(signal, SIGINT | SIGQUIT) {
                continue;
            }
            let running = still_running.lock().unwrap_or_else(PoisonError::into_inner);
            if let (true, Some(pid), Some(signal)) = (*running, pid, Signal::from_named_raw(signal))
            {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    });
    std::thread::spawn(move || {
        // Seen to be dead but not reaped yet, it keeps its process id to itself: nobody else can
        // get a signal that was meant for it.
        if let Some(pid) = pid {
            let _ = rustix::process::waitid(
                WaitId::Pid(pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            );
        }
        *running.lock().unwrap_or_else(PoisonError::into_inner) = false;
        let _ = send.send(ToolEvent::Ended(child.wait()));
    });
    Ok(news)
}

fn read_into(
    mut pipe: impl Read + Send + 'static,
    send: mpsc::SyncSender<ToolEvent>,
    wrap: fn(Vec<u8>) -> ToolEvent,
) {
    std::thread::spawn(move || {
        let mut chunk = vec![0; CHUNK];
        loop {
            let news = match pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => wrap(chunk.get(..length).unwrap_or_default().to_vec()),
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if send.send(news).is_err() {
                return;
            }
        }
        let _ = send.send(ToolEvent::Closed);
    });
}

fn pass_through(news: &mpsc::Receiver<ToolEvent>, limit: u64, ui: &mut Ui, ran: &mut ToolRun) {
    let mut open = 2;
    let mut ended = false;
    while open > 0 || !ended {
        let next = if ended {
            news.recv_timeout(AFTERGLOW).ok()
        } else {
            news.recv().ok()
        };
        match next {
            Some(ToolEvent::Out(bytes)) => {
                ui.print_bytes(&bytes);
                ui.flush();
                keep(&bytes, limit, ran);
            }
            Some(ToolEvent::Err(bytes)) => {
                ui.talk_bytes(&bytes);
                keep(&bytes, limit, ran);
            }
            Some(ToolEvent::Closed) => open -= 1,
            Some(ToolEvent::Ended(status)) => {
                ended = true;
                ran.ended = how(status);
            }
            None => return,
        }
    }
}

fn keep(bytes: &[u8], limit: u64, ran: &mut ToolRun) {
    let room = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(ran.output.len());
    ran.truncated |= bytes.len() > room;
    ran.output
        .extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
}

fn how(status: io::Result<ExitStatus>) -> ToolExit {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => ToolExit::Code(u8::try_from(code).unwrap_or(u8::MAX)),
            (None, signal) => ToolExit::Signal(signal.unwrap_or_default()),
        },
        Err(fault) => ToolExit::NotStarted(NOT_RUNNABLE, format!("its end is not known: {fault}")),
    }
}
