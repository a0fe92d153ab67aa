//! The three-way merge that every decision of a sync is made by (laws 1, 3 and 4). Pure.
