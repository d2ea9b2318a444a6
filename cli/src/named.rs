//! What a command line names: a family, or an operation of it.

use wgpu_activations::{
    Activation, Family, Operation,
    family::{self, Arguments},
};

use super::{Result, operation::array};

/// A family, with the operation where parameters were given.
pub(crate) struct Named {
    pub(crate) family: &'static dyn Family,
    pub(crate) operation: Option<Box<dyn Operation>>,
}

impl Named {
    /// What `NAME` or `NAME(PARAMETER=VALUE, ..)` names. Parameters that must be given may be missing where none is.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (name, given) = family::split(text)?;
        let family = family::find(name)?;
        let mut operation = None;
        if !given.is_empty() {
            let mut arguments = Arguments::new(family.entry().name);
            arguments.add_text(given, &array)?;
            operation = Some(family.parse(arguments)?);
        }
        Ok(Self { family, operation })
    }

    /// The activation of one element, with a number for each parameter, that it is.
    pub(crate) fn activation(&self) -> Option<Activation> {
        match &self.operation {
            None => self.family.activation(),
            Some(operation) => Some(operation.elementwise()?.0),
        }
    }
}
