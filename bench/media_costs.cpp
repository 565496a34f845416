// Processor time of decoding, in seconds a second of video: in this process, and in a child that hands everything over.
//
//   media_costs [--repeats N] [--rate PICTURES] [--side PIXELS] FILE...

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/media/guarded.h"

namespace {

double processor_seconds() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage use{};
    ::getrusage(who, &use);
    for (const auto& time : {use.ru_utime, use.ru_stime})
      sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  }
  return sum;
}

double most_mib() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

class Dropped : public kuda::MediaSink {
  void picture(const kuda::Picture&) override {}
  void sound(std::span<const float>) override {}
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("processor time of decoding");
  std::vector<std::filesystem::path> files;
  int repeats = 5;
  kuda::MediaOptions options;
  app.add_option("FILE", files)->required();
  app.add_option("--repeats", repeats);
  app.add_option("--rate", options.frames_per_second);
  app.add_option("--side", options.longest_side);
  CLI11_PARSE(app, count, arguments);
  fmt::print("{}\n{:<28} {:>9} {:>9} {:>8} {:>12} {:>12} {:>9}\n", kuda::media_libraries(), "file", "seconds",
             "pictures", "size", "here s/s", "child s/s", "MiB");
  for (const auto& file : files) {
    kuda::MediaReport report;
    std::vector<double> here, there;
    for (int i = 0; i < repeats; ++i) {
      Dropped sink;
      const double begin = processor_seconds();
      report = kuda::read_media(file, options, sink);
      const double middle = processor_seconds();
      kuda::read_media_guarded(file, options, sink);
      here.push_back((middle - begin) / report.decoded_seconds);
      there.push_back((processor_seconds() - middle) / report.decoded_seconds);
    }
    fmt::print("{:<28} {:>9.2f} {:>9} {:>8} {:>12.4f} {:>12.4f} {:>9.0f}\n", file.filename().string(),
               report.decoded_seconds, report.pictures, fmt::format("{}x{}", report.width, report.height), median(here),
               median(there), most_mib());
  }
}
