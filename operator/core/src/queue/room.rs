//! Whether a gang has room: in the queues above it, in its user's limit, in its namespace's quota, and on nodes; and what it lacks.
//! Takes nothing.

use super::{
    Block, ShapeId,
    desk::Desk,
    ground::{Placement, View},
    snapshot::NOWHERE,
    why::Nodes,
};

/// How many gangs that have no room on nodes are told in full what is short.
const MOST_EXPLAINED: usize = 64;

impl Desk<'_> {
    /// Where a gang goes in a view, or what blocks it there. Takes nothing.
    ///
    /// # Errors
    /// What blocks it.
    #[expect(clippy::result_large_err, reason = "a block is what most answers are, and is read at once")]
    pub fn fits(&mut self, number: usize, view: View) -> Result<Placement, Block> {
        self.within_limits(number, view)?;
        let (app, leaf) = (&self.snapshot.apps[number], self.leaf(number));
        if self.is_autoscaled(leaf) {
            let executors = if app.minimum > 0 { vec![(NOWHERE, app.minimum)] } else { Vec::new() };
            return Ok(Placement { driver: NOWHERE, executors });
        }
        let placed = self.ground.place(app.driver, app.executor, app.minimum, view);
        let gang = (app.driver, app.executor, app.minimum);
        placed.ok_or_else(|| Block::Nodes(Nodes { gang, ..Nodes::default() }))
    }

    /// Whether all but the nodes have room for a gang.
    ///
    /// # Errors
    /// What blocks it.
    #[expect(clippy::result_large_err, reason = "as for `fits`")]
    pub fn within_limits(&self, number: usize, view: View) -> Result<(), Block> {
        let app = &self.snapshot.apps[number];
        let (leaf, gang) = (self.leaf(number), self.snapshot.gang(app));
        if let Some(many) = self.books.too_many(leaf, &app.user) {
            return Err(Block::TooMany(many));
        }
        if let Some(over) = self.books.over_user(leaf, &app.user, &gang, view) {
            return Err(Block::User(over));
        }
        if let Some(over) = self.quotas.short(app, true, app.minimum, view) {
            return Err(Block::Quota(over));
        }
        if let Some(over) = self.books.over(leaf, &gang, view) {
            return Err(Block::Level(over));
        }
        Ok(())
    }

    /// Whether a gang would have a place if nothing else ran.
    pub fn ever_fits(&mut self, number: usize) -> bool {
        let app = &self.snapshot.apps[number];
        self.gang_ever_fits((app.driver, app.executor, app.minimum))
    }

    fn gang_ever_fits(&mut self, gang: (ShapeId, ShapeId, u32)) -> bool {
        let ground = &mut self.ground;
        *self.ever.entry(gang).or_insert_with(|| ground.ever_fits(gang.0, gang.1, gang.2))
    }

    /// Details of what nodes lack, once for all that are alike.
    pub fn explain(&mut self) {
        for (place, (gang, block)) in std::mem::take(&mut self.on_nodes).into_iter().enumerate() {
            let ever = self.gang_ever_fits(gang);
            let nodes = match place < MOST_EXPLAINED {
                true => self.ground.explain(gang, !ever),
                false => self.ground.explain_coarsely(gang),
            };
            self.blocks[block] = if ever { Block::Nodes(nodes) } else { Block::TooLarge(nodes) };
        }
    }
}
