#include "kuda/apps/explain_figure.h"

#include <fmt/format.h>

#include "kuda/reports/result_formats.h"

namespace kuda {

namespace {

/// Index 0: one line a modality: name, score alone, score without it, share. Then one block a map.
std::string data_of(const Explanation& clip) {
  std::string data = "# modality, score of the modality alone, score without it, share in the fusion\n";
  for (const auto modality : kModalities) {
    data += fmt::format("{} {} {} {}\n", modality_name(modality), gnuplot_number(double(clip.unimodal[modality])),
                        gnuplot_number(clip.without[modality]), gnuplot_number(clip.share[modality]));
  }
  for (const auto modality : kModalities) {
    const auto& map = clip.attention[modality];
    if (!map) continue;
    data += fmt::format("\n\n# attention to {}: rows are fused positions\n", modality_name(modality));
    for (std::int64_t row = 0; row < map->rows; ++row) {
      for (std::int64_t column = 0; column < map->columns; ++column)
        data += fmt::format("{:.5g} ", map->weights[std::size_t(row * map->columns + column)]);
      data += '\n';
    }
  }
  return data;
}

}  // namespace

FigureSource explanation_figure(const Explanation& clip) {
  FigureSource figure;
  figure.name = "clip-" + file_name(clip.id);
  figure.caption = fmt::format("{}: score {:.3f}", clip.id, clip.score);
  figure.data = data_of(clip);
  std::vector<std::string> maps;
  for (const auto modality : kModalities)
    if (clip.attention[modality]) maps.emplace_back(modality_name(modality));
  figure.width = 1100;
  figure.height = maps.empty() ? 320 : 640;
  const auto file = gnuplot_text(figure.name + ".dat");
  figure.plot = fmt::format(
      "set multiplot layout {},3 title {}\n"
      "set style fill solid 0.8 noborder\nset boxwidth 0.6\nset ytics nomirror\nset xtics nomirror\nunset key\n"
      "set xzeroaxis lt -1 lc rgb '#555555'\nset yrange [*<0:0<*]\n"
      "set title 'score of each modality alone (line: the score)'\n"
      "plot {} index 0 using 0:2:xtic(1) with boxes lc rgb '#4477aa', {} lc rgb '#cc3311' dt 2\n"
      "set title 'score without the modality (line: with all)'\n"
      "plot {} index 0 using 0:3:xtic(1) with boxes lc rgb '#228833', {} lc rgb '#cc3311' dt 2\n"
      "set title 'share in the fusion blocks'\nset yrange [0:1]\n"
      "plot {} index 0 using 0:4:xtic(1) with boxes lc rgb '#aa3377'\nset autoscale y\n",
      maps.empty() ? 1 : 2, gnuplot_text(figure.caption), file, clip.score, file, clip.score, file);
  if (!maps.empty())
    figure.plot +=
        "set palette defined (0 '#ffffff', 1 '#004488')\nset yrange [] reverse\nset autoscale xfix\n"
        "set autoscale yfix\nunset xzeroaxis\nset xtics auto\n";
  for (std::size_t i = 0; i < maps.size(); ++i)
    figure.plot += fmt::format("set title 'attention to {}, last block'\nplot {} index {} matrix with image\n", maps[i],
                               file, i + 1);
  figure.plot += "unset multiplot\n";
  return figure;
}

}  // namespace kuda
