//! A Discord on loopback.
mod config;
mod error;
mod exchange;
mod faults;
mod gateway;
mod ids;
mod limits;
mod mentions;
mod model;
mod ops;
mod permissions;
mod rest;
mod server;
mod shared;
mod validate;
mod wire;
mod world;
