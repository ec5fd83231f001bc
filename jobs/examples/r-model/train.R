# How long until Old Faithful erupts again? A linear model with lm(), cross-validated. Base R only.
#
# Reads data/geyser.csv (272 eruptions in Yellowstone, minutes: how long each took, and the wait for the
# next one) and writes to results/: predictions.csv, metrics.json and fit.svg.

green <- function(words) paste0("\033[32m", words, "\033[0m")

main <- function(arguments = commandArgs(trailingOnly = TRUE)) {
  results <- Sys.getenv("STELLWERK_RESULTS", "results")
  dir.create(results, showWarnings = FALSE, recursive = TRUE)
  data_file <- if (length(arguments) > 0) arguments[1] else "data/geyser.csv"

  geyser <- read.csv(data_file)
  cat("Read", nrow(geyser), "eruptions from", data_file, "\n")

  model <- lm(waiting ~ eruption, data = geyser)
  print(summary(model)$coefficients, digits = 4)
  geyser$predicted <- cross_validate(geyser, folds = 10)

  metrics <- measure(geyser, model)
  write.csv(transform(geyser, predicted = round(predicted, 2)),
            file.path(results, "predictions.csv"), row.names = FALSE)
  writeLines(as_json(metrics), file.path(results, "metrics.json"))
  writeLines(draw(geyser, model, metrics), file.path(results, "fit.svg"))
  cat(green("Done"), ": wrote ", paste(sort(dir(results)), collapse = ", "), "\n", sep = "")
}

# A prediction for each eruption by a model that has not seen it.
cross_validate <- function(geyser, folds) {
  set.seed(7)
  fold <- sample(rep(seq_len(folds), length.out = nrow(geyser)))
  predicted <- numeric(nrow(geyser))
  for (k in seq_len(folds)) {
    model <- lm(waiting ~ eruption, data = geyser[fold != k, ])
    predicted[fold == k] <- predict(model, geyser[fold == k, ])
    filled <- round(30 * k / folds)
    # "\r" goes back to the line's start: the bar stays where it is.
    cat("\rCross-validation [", green(strrep("#", filled)), strrep(".", 30 - filled), "] ",
        round(100 * k / folds), " %", sep = "")
    Sys.sleep(0.2)
  }
  cat("\n")
  predicted
}

measure <- function(geyser, model) {
  error <- geyser$waiting - geyser$predicted
  list(
    rows = nrow(geyser),
    r_squared = round(1 - sum(error^2) / sum((geyser$waiting - mean(geyser$waiting))^2), 4),
    rmse_minutes = round(sqrt(mean(error^2)), 4),
    intercept = round(unname(coef(model)[1]), 4),
    minutes_of_wait_per_minute_of_eruption = round(unname(coef(model)[2]), 4)
  )
}

# Numbers by name, as JSON.
as_json <- function(numbers) {
  pairs <- sprintf('  "%s": %s', names(numbers), vapply(numbers, format, "", digits = 10))
  c("{", paste(pairs, collapse = ",\n"), "}")
}

# The plot as SVG by hand: R's own svg() needs libraries that servers often lack.
draw <- function(geyser, model, metrics) {
  x <- function(minutes) round(76 + (minutes - 1) / 5 * 616, 1)
  y <- function(minutes) round(452 - (minutes - 40) / 60 * 380, 1)
  label <- function(x, y, words, anchor = "middle", size = 14, colour = "#475569", more = "") {
    sprintf('<text x="%s" y="%s" font-size="%s" text-anchor="%s" fill="%s"%s>%s</text>',
            x, y, size, anchor, colour, more, words)
  }
  line <- function(x1, y1, x2, y2, colour, width = 1) {
    sprintf('<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s" stroke-width="%s"/>', x1, y1, x2, y2, colour, width)
  }
  ends <- data.frame(eruption = range(geyser$eruption))
  heights <- predict(model, ends)
  note <- sprintf("A minute more of eruption means %.0f minutes more of waiting (R-squared %.2f)",
                  metrics$minutes_of_wait_per_minute_of_eruption, metrics$r_squared)
  c('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 520" width="720" height="520" role="img"',
    '  font-family="Inter, Helvetica, Arial, sans-serif">',
    "<title>Old Faithful: eruption and waiting time</title>",
    '<rect width="720" height="520" fill="#ffffff"/>',
    label(76, 32, "Old Faithful: how long until the next eruption?", "start", 19, "#0f172a", ' font-weight="600"'),
    label(76, 54, note, "start"),
    line(x(1:6), y(40), x(1:6), y(100), "#e2e8f0"),
    line(x(1), y(seq(40, 100, 10)), x(6), y(seq(40, 100, 10)), "#e2e8f0"),
    label(x(1:6), 474, 1:6),
    label(64, y(seq(40, 100, 10)) + 5, seq(40, 100, 10), "end"),
    label(384, 504, "Eruption, minutes", colour = "#0f172a"),
    label(22, 262, "Wait for the next, minutes", colour = "#0f172a", more = ' transform="rotate(-90 22 262)"'),
    sprintf('<circle cx="%s" cy="%s" r="4.5" fill="#0f766e" fill-opacity="0.5"/>', x(geyser$eruption), y(geyser$waiting)),
    line(x(ends$eruption[1]), y(heights[1]), x(ends$eruption[2]), y(heights[2]), "#be123c", 3),
    "</svg>")
}

main()
