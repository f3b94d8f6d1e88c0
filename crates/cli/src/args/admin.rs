//! The words about projects, people, nodes and contexts.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Permission {
    /// See
    Read,
    /// See and run
    Execute,
    /// See, run and change
    Write,
    /// All of it, grant and delete the project
    Owner,
}

/// What `project update` changes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct ProjectUpdateArgs {
    /// Name of the project
    pub project: String,
    /// For people
    #[arg(long, group = "change")]
    pub description: Option<String>,
    /// The most instances that may be open at a time; `none` for no cap
    #[arg(long, value_name = "N", group = "change")]
    pub max_instances: Option<ProjectCap>,
    /// The most attempts on workers at a time; `none` for no cap
    #[arg(long, value_name = "N", group = "change")]
    pub max_tasks: Option<ProjectCap>,
    /// Its share of slots among projects that wait for them, 1 to 100
    #[arg(long, value_name = "N", group = "change")]
    pub weight: Option<u32>,
}

/// A number, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectCap(pub Option<u32>);

impl FromStr for ProjectCap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(None));
        }
        let number = text
            .parse()
            .map_err(|_| "write a whole number, or `none`".to_owned())?;
        Ok(Self(Some(number)))
    }
}

#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// List projects
    List,
    /// Print one
    Get {
        /// Name of the project
        project: String,
    },
    /// Make one
    Create {
        /// Name of the project
        project: String,
        /// For people
        #[arg(long)]
        description: Option<String>,
    },
    /// Change its description or its caps
    Update(ProjectUpdateArgs),
    /// Delete an empty one
    Delete {
        /// Name of the project
        project: String,
    },
    /// Let a user do something in it, or let the documents of another project use its workflows
    Grant {
        /// Name of the project
        project: String,
        /// Name of the user, or `project:NAME`
        user: String,
        /// What is allowed; to a project, `read` or `execute`
        permission: Permission,
    },
    /// List who may do what in it
    Grants {
        /// Name of the project
        project: String,
    },
    /// Take a grant back
    Revoke {
        /// Name of the project
        project: String,
        /// Name of the user
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List users
    List,
    /// Print the user that the token belongs to
    Me,
    /// Make one; the password comes from PORPOISE_PASSWORD, the terminal or stdin
    Create {
        /// Name of the user
        name: String,
        /// May do everything
        #[arg(long)]
        admin: bool,
    },
    /// Set a new password, from PORPOISE_PASSWORD, the terminal or stdin
    Password {
        /// Name of the user
        name: String,
    },
    /// Delete one
    Delete {
        /// Name of the user
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List tokens, without their secrets
    List,
    /// Make one; prints it once
    Create {
        /// What it is for
        name: String,
        /// For how long
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
    },
    /// Delete one
    Delete {
        /// Id of the token
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// List nodes
    List,
    /// Let one end its work and leave
    Drain {
        /// Incarnation of the node
        incarnation: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum FailoverCommand {
    /// List take-overs
    List,
}

#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List contexts
    List,
    /// Make one the current one
    Use {
        /// Name of the context
        name: String,
    },
    /// Make or change one
    Set {
        /// Name of the context
        name: String,
        /// Read its token from this file
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
}

/// For whom a setup link is.
#[derive(Debug, Args)]
pub struct SetupLinkArgs {
    /// Name of the user [default: the one that the token belongs to]
    #[arg(long)]
    pub user: Option<String>,
    /// Make one only while the token's user has no password
    #[arg(long, conflicts_with = "user")]
    pub if_no_password: bool,
}

/// Who logs in.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Name of the user
    #[arg(long, default_value = "admin")]
    pub username: String,
}
