//! The user-defined functions of an application. They must stand on driver, scheduler and executor alike, because plans
//! name them and do not carry them; this is the one list all three take them from.

use std::sync::Arc;

use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use crate::pi;

#[derive(Clone, Debug)]
pub(crate) struct Functions {
    scalar: Vec<Arc<ScalarUDF>>,
    aggregate: Vec<Arc<AggregateUDF>>,
}

impl Default for Functions {
    fn default() -> Self {
        Self { scalar: vec![Arc::new(pi::hits())], aggregate: Vec::new() }
    }
}

impl Functions {
    pub(crate) fn add_scalar(&mut self, function: ScalarUDF) {
        self.scalar.push(Arc::new(function));
    }

    pub(crate) fn add_aggregate(&mut self, function: AggregateUDF) {
        self.aggregate.push(Arc::new(function));
    }

    /// Adds them to a session.
    pub(crate) fn register(&self, registry: &mut dyn FunctionRegistry) -> Result<()> {
        for function in &self.scalar {
            registry.register_udf(function.clone())?;
        }
        for function in &self.aggregate {
            registry.register_udaf(function.clone())?;
        }
        Ok(())
    }

    /// What an executor resolves names with.
    pub(crate) fn for_executor(&self) -> BallistaFunctionRegistry {
        let mut registry = BallistaFunctionRegistry::default();
        for function in &self.scalar {
            registry.scalar_functions.insert(function.name().to_string(), function.clone());
        }
        for function in &self.aggregate {
            registry.aggregate_functions.insert(function.name().to_string(), function.clone());
        }
        registry
    }
}
