//! MessagePack values: a decoded value has an encoding that decodes to the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use store::records::{Factors, History, Movie, Record, Similar, TopN, UserTerms};
use store::sample::Sample;

fn check<R: Record>(bytes: &[u8]) {
    if let Ok(record) = R::decode(bytes) {
        let encoded = record.encode().expect("a decoded record can be encoded");
        let again = R::decode(&encoded).expect("an encoded record can be decoded");
        assert_eq!(again.encode().expect("a decoded record can be encoded"), encoded);
    }
}

fuzz_target!(|bytes: &[u8]| {
    check::<TopN>(bytes);
    check::<History>(bytes);
    check::<Similar>(bytes);
    check::<Movie>(bytes);
    check::<Factors>(bytes);
    check::<UserTerms>(bytes);
    if let Ok(sample) = Sample::decode(bytes) {
        let encoded = sample.encode().expect("what was decoded can be encoded");
        assert_eq!(Sample::decode(&encoded).as_ref(), Ok(&sample));
    }
});
