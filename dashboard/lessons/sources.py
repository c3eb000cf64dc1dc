"""Where the lessons' claims come from: slides by their deck's name, papers by author, title and year."""

SLIDES_000 = "lecture slides 000 (CSCM77)"
SLIDES_001 = "lecture slides 001 (practical guide)"
SLIDES_002 = "lecture slides 002 (4C16)"
SLIDES_003 = "lecture slides 003 (CSCE 633)"

WERBOS_1990 = "Werbos, *Backpropagation through time: what it does and how to do it*, 1990"
HOCHREITER_1991 = "Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen*, 1991"
BENGIO_1994 = "Bengio, Simard & Frasconi, *Learning long-term dependencies with gradient descent is difficult*, 1994"
HOCHREITER_1997 = "Hochreiter & Schmidhuber, *Long short-term memory*, 1997"
SOMPOLINSKY_1988 = "Sompolinsky, Crisanti & Sommers, *Chaos in random neural networks*, 1988"
WILLIAMS_1990 = (
    "Williams & Peng, *An efficient gradient-based algorithm for on-line training of recurrent network trajectories*, "
    "1990"
)
PASCANU_2013 = "Pascanu, Mikolov & Bengio, *On the difficulty of training recurrent neural networks*, 2013"
GRAVES_2013 = "Graves, *Generating sequences with recurrent neural networks*, 2013"
CHO_2014 = (
    "Cho et al., *Learning phrase representations using RNN encoder–decoder for statistical machine translation*, 2014"
)
