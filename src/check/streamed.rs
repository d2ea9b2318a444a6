//! What a chain makes of the chunks of a tensor, held against the reference while they pass.

use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use super::{
    estimate::{Evaluation, Sums, no_sums},
    excerpt::Excerpt,
    known::Known,
};
use crate::{
    accuracy::{Report, bound::compare},
    chain::{Chain, Layout},
    cpu::elements,
    element::{Element, ElementType},
    error::{Error, Result},
    family::{Extra, Gradient},
    gpu::lock,
    offload::{Chunk, HostGradient, Observer, Received, Task},
    with_element,
};

/// How many elements of the result are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// About so many, spread evenly.
    Sample(usize),
    /// All.
    All,
}

/// Watches a chain at work, forward or backward, and compares.
pub struct Verifier<'a> {
    pub(super) chain: &'a Chain,
    pub(super) layout: Layout,
    element: ElementType,
    pub(super) backward: bool,
    pub(super) share: Share,
    /// Whether the parameters' gradients are wanted, which takes every element.
    pub(super) parameters: bool,
    /// What the surveys find, for each operation, by the reference.
    known: RwLock<Vec<Known>>,
    report: Mutex<Report>,
    /// Sums of the parameters' gradients, for each operation.
    pub(super) sums: Mutex<Sums>,
}

impl<'a> Verifier<'a> {
    /// For the results of `chain` over a tensor laid out for it.
    pub fn new(chain: &'a Chain, layout: Layout, element: ElementType, share: Share) -> Self {
        Self {
            chain,
            element,
            backward: false,
            share,
            parameters: false,
            known: RwLock::new(Known::of_chain(chain)),
            report: Mutex::default(),
            sums: Mutex::default(),
            layout,
        }
    }

    /// The same for gradients back through the chain; `parameters` says whether those of the parameters are compared,
    /// which takes every element.
    #[must_use]
    pub fn of_gradients(self, parameters: bool) -> Self {
        Self {
            backward: true,
            parameters,
            sums: Mutex::new(match parameters {
                true => no_sums(&self.layout),
                false => Sums::new(),
            }),
            ..self
        }
    }

    /// How the elements compared, with what was given beside them: `extras`, and gradients of parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where something is outside its tolerance.
    pub fn finish(self, extras: &[(usize, Extra)], gradients: &[HostGradient]) -> Result<Report> {
        let op = self.chain.summary();
        for (what, report) in self.beside(extras, gradients) {
            expect(&op, &format!("{what}: "), &report)?;
        }
        let report = self.complete();
        expect(&op, "", &report)?;
        Ok(report)
    }

    /// The same, whether it passed or not, all in one, which names what the worst is of.
    pub fn report(self, extras: &[(usize, Extra)], gradients: &[HostGradient]) -> Report {
        let beside = self.beside(extras, gradients).into_iter();
        beside.fold(self.complete(), |all, (what, report)| {
            let of = report.worst.map(|_| what);
            all.merge(Report { of, ..report })
        })
    }

    /// How the elements compared. Those that never came count as wrong.
    fn complete(&self) -> Report {
        let report = lock(&self.report).clone();
        let view = if self.backward {
            self.layout.view
        } else {
            self.layout.result
        };
        let outputs = if self.backward {
            self.chain.inputs()
        } else {
            1
        };
        let elements = (view.elements() * outputs) as u64;
        let wanted = match self.share {
            Share::Sample(_) if !self.parameters => elements.min(1),
            _ => elements,
        };
        let missing = wanted.saturating_sub(report.compared);
        Report {
            compared: report.compared + missing,
            failed: report.failed + missing,
            ..report
        }
    }

    /// What was given beside the output, by name.
    fn beside(
        &self,
        extras: &[(usize, Extra)],
        gradients: &[HostGradient],
    ) -> Vec<(String, Report)> {
        let known = self.known();
        let mut reports = Vec::new();
        // An operation before another may be off, and its error is not that of the survey.
        for (step, found) in extras.iter().filter(|(step, _)| *step == 0) {
            for (name, bounds) in self.chain.steps()[*step].expected_extras(known[*step].expected())
            {
                if name == found.name {
                    reports.push((name.to_owned(), compare(&found.values, &bounds)));
                }
            }
        }
        let sums = lock(&self.sums);
        let steps = self.chain.steps().iter().zip(&self.layout.gradients);
        for (step, (operation, wanted)) in steps.enumerate().filter(|_| self.parameters) {
            for (index, Gradient { name, .. }) in wanted.iter().enumerate() {
                let share = operation.gradient_share(index);
                let bounds = sums[step][index].iter().map(|sum| sum.bound(share));
                let bounds: Vec<_> = bounds.collect();
                let found = gradients
                    .iter()
                    .find(|found| (found.step, found.name) == (step, *name));
                let values = found.map_or(&[][..], |found| &found.values);
                reports.push((format!("gradient of {name}"), compare(values, &bounds)));
            }
        }
        reports
    }

    /// Takes in what has come back of a chunk.
    pub(super) fn take(&self, task: Task, chunk: &Chunk, received: &Received<'_>) {
        with_element!(self.element, T => self.take_as::<T>(task, chunk, received));
    }

    fn take_as<T: Element>(&self, task: Task, chunk: &Chunk, received: &Received<'_>) {
        let inputs: Vec<Cow<'_, [T]>> = received.inputs.iter().map(|x| elements(x)).collect();
        let mut x: Vec<&[T]> = inputs.iter().map(|x| &**x).collect();
        let upstream = x.pop_if(|_| task.needs_upstream(self.backward));
        let known = self.known();
        let excerpt = Excerpt {
            evaluation: Evaluation {
                chain: self.chain,
                layout: &self.layout,
                known: &known,
            },
            chunk,
            x,
            upstream,
        };
        match task {
            Task::Survey { step, index, .. } => {
                let Some(survey) = self.chain.steps()[step].surveys(false).get(index).copied()
                else {
                    return;
                };
                let found = excerpt.survey((step, index), &survey);
                drop(known);
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                let keys = survey.keys(self.layout.view_before(step));
                known[step].merge(index, &survey, keys, &found);
            }
            Task::Result => {
                let outputs: Vec<_> = received.outputs.iter().map(|y| elements::<T>(y)).collect();
                let outputs: Vec<&[T]> = outputs.iter().map(|y| &**y).collect();
                let report = self.compare(&excerpt, &outputs, received.indices.as_deref());
                let mut all = lock(&self.report);
                *all = std::mem::take(&mut *all).merge(report);
            }
        }
    }

    /// What is known by the reference so far.
    fn known(&self) -> RwLockReadGuard<'_, Vec<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Verifier<'_> {
    fn observe(&self, task: Task, chunk: &Chunk, received: &Received<'_>) -> Result<()> {
        self.take(task, chunk, received);
        expect(&self.chain.summary(), "", &lock(&self.report))
    }
}

/// An error where something is wrong; `of` goes before what is told of it.
fn expect(op: &str, of: &str, report: &Report) -> Result<()> {
    if report.failed == 0 {
        return Ok(());
    }
    Err(Error::Verification {
        op: op.to_owned(),
        report: format!("{of}{report}"),
    })
}
