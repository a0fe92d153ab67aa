//! What only Odoo has among its objects: links that are fields, typed values, lists, server actions.
