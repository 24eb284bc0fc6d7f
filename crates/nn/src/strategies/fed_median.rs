//! FedMedian: the median of each coordinate (Yin et al. 2018, algorithm 1, option I). Samples do not count.

pub use crate::kernels::median::median as combine;
