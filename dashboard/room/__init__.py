"""The page Room: a class predicts on its phones, and the teacher moves the beats."""
