#include "results.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "kuda/base/table.h"
#include "kuda/checkpoint/checkpoint.h"
#include "kuda/tensor/products.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;

constexpr double kBytesInMiB = 1024.0 * 1024.0;

/// What follows "KEY ... :" in a file of /proc; empty when there is no such line.
std::string proc_value(const char* file, const std::string& key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(key)) continue;
    const auto begin = line.find_first_not_of(": \t", key.size());
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32] = {};
  (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

}  // namespace

double CaseResult::median() const {
  auto sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const auto n = sorted.size();
  return n == 0 ? 0 : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

std::map<std::string, std::string> describe_machine() {
  auto versions = build_versions();
  return {{"processor", proc_value("/proc/cpuinfo", "model name")},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"instructions", at::get_cpu_capability()},
          {"threads", std::to_string(at::get_num_threads())},
          {"products", products_name(products_in_use())},
          {"libtorch", versions["libtorch"]},
          {"compiler", versions["compiler"]},
          {"allocator", KUDA_ALLOCATOR}};
}

double process_peak_bytes() { return 1024 * std::atof(proc_value("/proc/self/status", "VmHWM").c_str()); }

std::string BenchResult::table() const {
  Table table(
      {"case", "clips", "median ms", "min ms", "GFLOP", "GFLOP/s", "of fp32 peak", "of bf16 peak", "tensors MiB"});
  for (const auto& one : cases) {
    std::vector<std::string> cells{
        one.name, std::to_string(one.clips), fmt::format("{:.1f}", 1e3 * one.median()),
        fmt::format("{:.1f}", 1e3 * *std::min_element(one.seconds.begin(), one.seconds.end()))};
    if (one.gflop > 0) {
      cells.push_back(fmt::format("{:.2f}", one.gflop));
      cells.push_back(fmt::format("{:.1f}", one.gflops()));
      cells.push_back(percent(one.gflops() / peak.fp32));
      cells.push_back(peak.bf16 > 0 ? percent(one.gflops() / peak.bf16) : "-");
    } else {
      cells.insert(cells.end(), 4, "-");
    }
    cells.push_back(fmt::format("{:.0f}", one.tensor_bytes / kBytesInMiB));
    table.add(std::move(cells));
  }
  return fmt::format(
      "{}, {} threads, {}\npeak of a matrix product: fp32 {:.0f} GFLOP/s ({}), bf16 {:.0f} GFLOP/s ({})\n\n{}\n"
      "most memory of the process: {:.0f} MiB\n",
      machine.at("processor"), machine.at("threads"), machine.at("instructions"), peak.fp32, peak.fp32_by, peak.bf16,
      peak.bf16_by, table.text(), process_bytes / kBytesInMiB);
}

std::string BenchResult::to_json() const {
  json document{
      {"format", "kuda-bench 1"},
      {"time", now_text()},
      {"revision", build_versions()["revision"]},
      {"machine", machine},
      {"options", json::object()},
      {"peak",
       {{"fp32_gflops", peak.fp32}, {"fp32_by", peak.fp32_by}, {"bf16_gflops", peak.bf16}, {"bf16_by", peak.bf16_by}}},
      {"process_peak_mib", process_bytes / kBytesInMiB},
      {"cases", json::array()}};
  for (const auto& [key, value] : options) document["options"][key] = value;
  for (const auto& one : cases) {
    json entry{{"name", one.name},         {"clips", one.clips},
               {"median_s", one.median()}, {"min_s", *std::min_element(one.seconds.begin(), one.seconds.end())},
               {"seconds", one.seconds},   {"tensor_peak_mib", one.tensor_bytes / kBytesInMiB}};
    if (one.gflop > 0) {
      entry["gflop"] = one.gflop;
      entry["gflops"] = one.gflops();
      entry["share_of_fp32_peak"] = one.gflops() / peak.fp32;
      if (peak.bf16 > 0) entry["share_of_bf16_peak"] = one.gflops() / peak.bf16;
    }
    document["cases"].push_back(std::move(entry));
  }
  return document.dump(2) + "\n";
}

}  // namespace kuda
