package stage

import "math/bits"

// fingerprint is a hash that is built word by word.
type fingerprint uint64

func (h fingerprint) number(n uint64) fingerprint {
	high, low := bits.Mul64(uint64(h)^0x9e3779b97f4a7c15, n^0xe7037ed1a0b428db)
	return fingerprint(high ^ low + 1)
}

func (h fingerprint) text(s string) fingerprint {
	for i := range len(s) {
		h = h.number(uint64(s[i]))
	}
	return h.number(uint64(len(s)) << 8)
}

func (h fingerprint) flags(flags ...bool) fingerprint {
	n := uint64(1)
	for _, f := range flags {
		n <<= 1
		if f {
			n |= 1
		}
	}
	return h.number(n)
}
