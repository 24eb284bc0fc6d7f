//! What older code stored, for tests of what becomes of it.

use super::{Block, Operation, Transaction};

impl Transaction {
    const fn block_type(&self) -> &'static str {
        match self.operation {
            Operation::Mint => "1mint",
            Operation::Burn => "1burn",
            Operation::Transfer if self.spender.is_some() => "2xfer",
            Operation::Transfer => "1xfer",
            Operation::Approve => "2approve",
            Operation::SetFeeCollector => "107feecol",
        }
    }
}

impl Block {
    /// The block as version 2 of the codec stored it while every block had a `btype`, and a `107feecol` block its method as `op`.
    pub fn encode_by_older_code(&self, dedup_tag: u64) -> Vec<u8> {
        const HEAD: usize = 11;
        let now = self.encode(dedup_tag, None);
        let mut stored = now[..HEAD].to_vec();
        let mut rest = now[HEAD..].to_vec();
        if self.transaction.operation == Operation::SetFeeCollector {
            // `tx` is the block's second field; its first is the method's key: code 16, which was 6.
            let at = rest.windows(2).position(|bytes| bytes == [16, 1]).unwrap();
            rest[at] = 6;
        } else {
            let kind = self.transaction.block_type();
            stored[HEAD - 1] += 1;
            stored.extend([1, 1, u8::try_from(kind.len()).unwrap()]);
            stored.extend(kind.as_bytes());
        }
        stored.extend(rest);
        stored
    }
}
