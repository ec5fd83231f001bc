"""Linear least squares with nothing but Python."""


def fit(rows, targets):
    """Coefficients, the intercept first: solves the normal equations."""
    design = [[1.0, *row] for row in rows]
    size = len(design[0])
    matrix = [[sum(x[i] * x[j] for x in design) for j in range(size)] for i in range(size)]
    vector = [sum(x[i] * y for x, y in zip(design, targets)) for i in range(size)]
    return solve(matrix, vector)


def predict(coefficients, row):
    return coefficients[0] + sum(factor * value for factor, value in zip(coefficients[1:], row))


def solve(matrix, vector):
    """Gaussian elimination with the largest pivot first."""
    size = len(vector)
    work = [[*row, value] for row, value in zip(matrix, vector)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda i: abs(work[i][column]))
        work[column], work[pivot] = work[pivot], work[column]
        for below in range(column + 1, size):
            factor = work[below][column] / work[column][column]
            work[below] = [a - factor * b for a, b in zip(work[below], work[column])]
    answer = [0.0] * size
    for i in reversed(range(size)):
        known = sum(work[i][j] * answer[j] for j in range(i + 1, size))
        answer[i] = (work[i][size] - known) / work[i][i]
    return answer
