package dockerfile

// Match finds the instructions of an older text in f: the i-th result is the index of texts[i], or -1 where the
// instruction is no longer there. Order is kept, and of instructions that say the same, the most are found.
func (f File) Match(texts []string) []int {
	n, m := len(texts), len(f.Instructions)
	// lcs[i][j] is how many of texts[i:] can be found in instructions[j:].
	lcs := make([][]int, n+1)
	for i := range lcs {
		lcs[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			if texts[i] == f.Instructions[j].Text {
				lcs[i][j] = max(lcs[i][j], 1+lcs[i+1][j+1])
			}
		}
	}
	found := make([]int, n)
	for i, j := 0, 0; i < n; i++ {
		found[i] = -1
		for k := j; k < m; k++ {
			if texts[i] == f.Instructions[k].Text && lcs[i][j] == 1+lcs[i+1][k+1] {
				found[i], j = k, k+1
				break
			}
		}
	}
	return found
}
