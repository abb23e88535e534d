//! `ledger key`: make a private key, and print the line that its owner hands to others.

use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use crate::documents;
use crate::sys::keyfile::{self, PublicKeyFile};
use crate::text::Line;

use super::answer::{Answer, CommandResult};
use super::context::{Context, read_passphrase};
use super::exit::CommandError;
use super::files::write_new;
use super::receipt;

/// Make a private key, or show the public half of one
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, clap::Subcommand)]
enum KeyAction {
    Generate(GenerateArgs),
    Show(KeyShowArgs),
    Renew(RenewArgs),
}

/// Make a private key and its public line
///
/// Writes FILE, a PKCS#8 PEM that only you can read (`openssl pkey -in FILE` reads it too), and
/// FILE.pub, one line for whoever enrols you. Neither is ever written over another file.
///
///   ledger key generate --out alice.pem --passphrase-prompt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct GenerateArgs {
    /// Where to write the private key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Ask for a passphrase and encrypt the key with it; or name one with --passphrase-file
    #[arg(long)]
    passphrase_prompt: bool,
}

/// Print the public line of a private key
///
///   ledger key show --key alice.pem > alice.pem.pub
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct KeyShowArgs;

/// Replace the key that seals the ledger's checkpoints, and destroy the old one
///
/// It happens by itself after 30 days or 10,000 entries: whoever steals the host then cannot seal
/// again what was sealed before. The ledger itself signs the entry, with the old key.
///
///   ledger key renew --reason "the host was rebuilt"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct RenewArgs {
    /// Why, in one line
    #[arg(long, value_name = "TEXT", default_value = "asked for")]
    reason: String,
}

pub(crate) fn run(context: &mut Context, args: &KeyArgs) -> CommandResult {
    context.ui.thing = "key";
    match &args.action {
        KeyAction::Generate(args) => generate(context, args),
        KeyAction::Show(_) => {
            let key = context.key()?;
            Ok(answer(&PublicKeyFile::of(&*key)?, None))
        }
        KeyAction::Renew(args) => renew(context, args),
    }
}

fn renew(context: &mut Context, args: &RenewArgs) -> CommandResult {
    context.ui.thing = "receipt";
    let reason = Line::new(&args.reason).map_err(CommandError::flag("--reason"))?;
    let mut writer = context.writer()?;
    let receipt = writer.replace_sealing_key(reason)?;
    context.warn_all(writer.close());
    context.has_committed = true;
    Ok(receipt::answer(&documents::receipt(&receipt)))
}

fn generate(context: &mut Context, args: &GenerateArgs) -> CommandResult {
    let passphrase = passphrase(context, args.passphrase_prompt)?;
    let public_path = public_path(&args.out);
    // Looked at first: a private key without its public line would be a puzzle.
    if public_path.exists() {
        let name = public_path.display();
        let message = format!("`{name}` exists already, and a key file is never overwritten");
        return Err(CommandError::usage(message).hint("choose another name"));
    }
    let key = context.world.new_key()?;
    let word = passphrase.as_ref().map(|word| word.as_str());
    keyfile::write_new(&args.out, &key, word)?;
    let public = PublicKeyFile::of(&key)?;
    let next = "the private key is there; print the line with: ledger key show --key";
    write_new(&public_path, public.format().as_bytes())
        .map_err(|failure| failure.hint(format!("{next} {}", args.out.display())))?;
    if passphrase.is_none() {
        context.say("note: the key has no passphrase; its file mode alone protects it");
    }
    Ok(answer(&public, Some((&args.out, &public_path))))
}

/// A passphrase to encrypt a key with, from the file that is named or, where it may be asked for, a terminal.
pub(super) fn passphrase(
    context: &Context,
    prompt: bool,
) -> Result<Option<Zeroizing<String>>, CommandError> {
    if let Some(file) = &context.globals.passphrase_file {
        return read_passphrase(file).map(Some).map_err(CommandError::usage);
    }
    if !prompt {
        return Ok(None);
    }
    if !context.ui.can_ask() {
        let failure = CommandError::usage("there is no terminal to ask for a passphrase on");
        return Err(failure.hint("name a file with --passphrase-file"));
    }
    let unread = |fault| CommandError::usage(format!("the passphrase cannot be read: {fault}"));
    let ask = |text: &str| {
        let typed = rpassword::prompt_password(text);
        typed.map(Zeroizing::new).map_err(unread)
    };
    let first = ask("passphrase: ")?;
    if *first != *ask("once more: ")? {
        return Err(CommandError::usage("the two passphrases differ"));
    }
    Ok(Some(first))
}

fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn answer(public: &PublicKeyFile, files: Option<(&Path, &Path)>) -> Answer {
    let files = files
        .map(|(private, public)| (private.display().to_string(), public.display().to_string()));
    let answer = Answer::new(json!({
        "public_key": public.key(),
        "line": public.format().trim_end(),
        "private_file": files.as_ref().map(|(private, _)| private),
        "public_file": files.as_ref().map(|(_, public)| public),
    }));
    match files {
        Some((private, line)) => answer
            .line(format!("private key  {private}"))
            .line(format!("public line  {line}"))
            .line(format!("public key   {}", public.key())),
        None => answer.text(public.format()),
    }
}
