// Does every request that was sent whole get a whole answer from `kuda serve`, the right one, whatever other clients
// do, and when it is stopped under load? bench/README.md
//
//   serve_faults KUDA RUN [--requests N] [--stops N] [--seed S]
//
// KUDA is the program, RUN a run folder whose model reads raw text. Exit code 1: a promise was broken.

#include <fmt/format.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "faults.h"
#include "kuda/base/child_process.h"
#include "kuda/base/error.h"
#include "kuda/base/table.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;
using test::RawAnswer;
using test::RawConnection;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kBodyBytes = 262144;  // --max-body-mb 0.25
constexpr int kGood = 4, kBad = 2;          // threads

struct Arguments {
  std::string kuda, run;
  std::size_t requests = 2000, stops = 5;
  std::uint64_t seed = 1;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Removed with all that is in it.
struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / fmt::format("serve_faults-{}", ::getpid());
  TemporaryFolder() { fs::create_directories(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

/// `kuda serve` as a child, with short time limits.
class ServerProcess {
 public:
  ServerProcess(const Arguments& arguments, const fs::path& log) : log_(log) {
    fs::remove(log_);
    const auto child = start_process({arguments.kuda, "serve", arguments.run, "--port", "0", "--max-body-mb", "0.25",
                                      "--timeout-s", "5", "--grace-s", "2"},
                                     {.output = log_});
    if (!child) throw Error(arguments.kuda + ": no such program");
    pid_ = *child;
    const std::string before = "on http://127.0.0.1:";
    for (;;) {
      const auto said = text_of(log_);
      const auto at = said.find(before), end = said.find('\n', at == std::string::npos ? 0 : at);
      if (at != std::string::npos && end != std::string::npos) {
        port = std::stoi(said.substr(at + before.size()));
        return;
      }
      if (wait(milliseconds(50))) throw Error("the server ended: " + said);
    }
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() { end_at_once(); }
  void ask_to_stop() const { ::kill(pid_, SIGTERM); }
  void end_at_once() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    code_ = wait_for(std::exchange(pid_, 0));
  }
  /// Its exit code, as soon as it has ended.
  std::optional<int> wait(milliseconds most) {
    for (const auto end = Clock::now() + most; pid_ > 0; std::this_thread::sleep_for(milliseconds(5))) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      } else if (Clock::now() >= end) {
        return std::nullopt;
      }
    }
    return code_;
  }
  [[nodiscard]] double resident_mib() const {
    const auto status = text_of(fs::path("/proc") / std::to_string(pid_) / "status");
    const auto at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : std::stod(status.substr(at + 6)) / 1024;
  }
  [[nodiscard]] std::string messages() const { return text_of(log_); }
  int port = 0;

 private:
  fs::path log_;
  pid_t pid_ = 0;
  int code_ = 0;
};

/// What came of each kind of client.
class Tally {
 public:
  void count(const std::string& name, const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    auto& row = rows_[name];
    ++row.times;
    largest_difference_ = std::max(largest_difference_, outcome.difference);
    if (!outcome.wrong.empty()) {
      if (row.wrong++ == 0) row.first_wrong = outcome.wrong;
    } else if (outcome.status == 0) {
      ++row.none;
    } else {
      ++(outcome.status == 200 ? row.ok : outcome.status == 503 ? row.busy : row.refused);
    }
  }
  /// Prints it; the number of broken promises.
  std::size_t print() {
    Table table({"client", "times", "200", "4xx", "503", "none due", "wrong"});
    std::size_t wrong = 0;
    std::string messages;
    const auto text = [](std::size_t count) { return std::to_string(count); };
    for (const auto& [name, row] : rows_) {
      table.add(
          {name, text(row.times), text(row.ok), text(row.refused), text(row.busy), text(row.none), text(row.wrong)});
      wrong += row.wrong;
      if (row.wrong > 0) messages += fmt::format("{}: {}\n", name, row.first_wrong);
    }
    fmt::print("{}{}largest difference of a score: {:.1e}\n", table.text(), messages, largest_difference_);
    return wrong;
  }

 private:
  struct Row {
    std::size_t times = 0, ok = 0, refused = 0, busy = 0, none = 0, wrong = 0;
    std::string first_wrong;
  };
  std::mutex mutex_;
  std::map<std::string, Row> rows_;
  double largest_difference_ = 0;
};

RawAnswer ask(int port, const std::string& request) {
  RawConnection raw(port);
  return raw.send(request) ? raw.receive_answer() : RawAnswer{};
}

/// Texts of 1 to 40 words, half of them with frames of the other modalities, with their scores while nobody else asks.
std::vector<Clip> undisturbed(int port, std::uint64_t seed) {
  const auto model = json::parse(ask(port, "GET /v1/model HTTP/1.1\r\nHost: x\r\n\r\n").body, nullptr, false);
  if (!model.is_object() || model["text"] != "raw") throw Error("expected a model that reads raw text");
  const std::vector<std::string> words{"a", "fine", "film", "but", "slow", "and", "the", "end", "is", "terrible"};
  Random random(stream_seed(seed, "clips"));
  std::vector<Clip> clips;
  for (int i = 0; i < 16; ++i) {
    json object;
    std::string text = "film";
    for (auto count = random.below(40); count > 0; --count) text += " " + words[random.below(words.size())];
    object["text"] = text;
    for (const std::string modality : {"vision", "audio"}) {
      const auto& input = model["inputs"][modality];
      if (i % 2 == 0 || !input.is_object()) continue;
      for (auto frames = 1 + random.below(8); frames > 0; --frames) {
        auto& frame = object[modality].emplace_back(json::array());
        for (int k = 0; k < input["width"].get<int>(); ++k)
          frame.push_back(std::round(random.uniform(-1, 1) * 100) / 100);
      }
    }
    Clip clip{object.dump(), 0};
    const auto answer = ask(port, test::post_request("/v1/predict", clip.body));
    const auto body = json::parse(answer.body, nullptr, false);
    if (answer.status != 200 || !body.contains("score")) throw Error("no score for a good clip: " + answer.body);
    clip.score = body["score"].get<double>();
    clips.push_back(std::move(clip));
  }
  return clips;
}

/// One good request after the other, on kept connections and on new ones.
class GoodClient {
 public:
  GoodClient(int port, const std::vector<Clip>& clips, Random random) : port_(port), clips_(clips), random_(random) {}
  Outcome ask_once() {
    const auto& clip = clips_[random_.below(clips_.size())];
    if (!raw_ || random_.below(10) == 0) raw_.emplace(port_);
    if (!raw_->send(test::post_request("/v1/predict", clip.body))) {
      raw_.reset();
      return {0, "the connection was closed"};
    }
    const auto answer = raw_->receive_answer();
    if (answer.status == 0 || answer.ends_connection()) raw_.reset();
    return scored(answer, clip);
  }

 private:
  int port_;
  const std::vector<Clip>& clips_;
  Random random_;
  std::optional<RawConnection> raw_;
};

Outcome run_fault(const Fault& fault, Attack& attack) {
  try {
    return fault.run(attack);
  } catch (const std::exception& error) {
    return {0, error.what()};
  }
}

/// Passes over the faults, each in an order of its own, until `is_over` and at least one was made.
void misbehave(bool is_long, Attack attack, const std::atomic<bool>& is_over, Tally& tally) {
  std::vector<const Fault*> mine;
  for (const auto& fault : faults())
    if (fault.is_long == is_long) mine.push_back(&fault);
  do {
    attack.random.shuffle(mine);
    for (const auto* fault : mine) tally.count(fault->name, run_fault(*fault, attack));
  } while (!is_over);
}

/// Good requests among bad clients. The number of broken promises.
std::size_t disturb(const Arguments& arguments, const fs::path& log) {
  ServerProcess server(arguments, log);
  const auto clips = undisturbed(server.port, arguments.seed);
  Tally tally;
  std::atomic<bool> is_over{false};
  std::atomic<int> passing{kBad + 1};  // threads that have not made a pass over the faults yet
  const auto random = [&](const char* name, int i) {
    return Random(stream_seed(arguments.seed, name, std::uint64_t(i)));
  };
  const double before = server.resident_mib();
  std::vector<std::thread> bad, good;
  for (int i = 0; i < kBad + 1; ++i)
    bad.emplace_back([&, i] {
      auto own = random("bad", i);
      const std::atomic<bool> at_once{true};
      misbehave(i == kBad, {server.port, kBodyBytes, clips, own}, at_once, tally);
      --passing;
      if (!is_over) misbehave(i == kBad, {server.port, kBodyBytes, clips, own}, is_over, tally);
    });
  for (int i = 0; i < kGood; ++i)
    good.emplace_back([&, i] {
      GoodClient client(server.port, clips, random("good", i));
      for (std::size_t k = 0; k < arguments.requests / kGood || passing > 0; ++k)
        tally.count("(good requests)", client.ask_once());
    });
  for (auto& thread : good) thread.join();
  is_over = true;
  for (auto& thread : bad) thread.join();
  GoodClient after(server.port, clips, random("after", 0));
  for (int i = 0; i < 50; ++i) tally.count("(good requests, afterwards)", after.ask_once());
  fmt::print("good requests among bad clients, seed {}\n", arguments.seed);
  auto wrong = tally.print();
  const auto ended = server.wait(milliseconds(0));
  if (!ended) {
    fmt::print("resident MiB: {:.1f} before, {:.1f} after\n", before, server.resident_mib());
    server.ask_to_stop();
  }
  const auto code = server.wait(milliseconds(60000));
  if (ended || code != 0) {
    fmt::print("the server ended {}: exit code {}\n{}", ended ? "by itself" : "badly", code ? *code : -1,
               server.messages());
    ++wrong;
  }
  return wrong;
}

struct Stop {
  std::atomic<std::size_t> ok{0}, refused{0}, not_sent{0}, lost{0}, other{0};
};

/// Sends requests until nobody listens. On even threads each has a connection of its own.
void load_until_closed(int port, int thread, const std::vector<Clip>& clips, Random random, Stop& stop) {
  std::optional<RawConnection> raw;
  for (;;) {
    if (!raw) raw.emplace(port);
    if (!raw->is_connected()) return;
    const auto& clip = clips[random.below(clips.size())];
    // What is closed once a request has been sent was closed before it came.
    const bool is_sent = raw->send(test::post_request("/v1/predict", clip.body)) && !raw->is_closed();
    const auto answer = raw->receive_answer();
    const auto outcome = scored(answer, clip);
    if (answer.status == 0)
      ++(is_sent ? stop.lost : stop.not_sent);
    else if (!outcome.wrong.empty())
      ++stop.other;
    else
      ++(answer.status == 200 ? stop.ok : stop.refused);
    if (answer.status == 0 || answer.ends_connection() || thread % 2 == 0) raw.reset();
  }
}

/// SIGTERM under load, with silent and half-finished requests beside. The number of broken promises.
std::size_t stop_under_load(const Arguments& arguments, const fs::path& log) {
  Table table({"stop", "200", "503", "closed before it was sent", "lost", "wrong", "seconds", "exit code"});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < arguments.stops; ++i) {
    ServerProcess server(arguments, log);
    const auto clips = undisturbed(server.port, arguments.seed);
    Random random(stream_seed(arguments.seed, "stop", i));
    std::vector<std::unique_ptr<RawConnection>> silent;
    for (int k = 0; k < 12; ++k) {
      silent.push_back(std::make_unique<RawConnection>(server.port));
      const auto request = test::post_request("/v1/predict", clips.front().body);
      if (k % 3 > 0) (void)silent.back()->send(request.substr(0, k % 3 == 1 ? 10 : request.size() - 1));
    }
    Stop stop;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t, own = Random(stream_seed(arguments.seed, "load", 8 * i + std::uint64_t(t)))] {
        load_until_closed(server.port, t, clips, own, stop);
      });
    const auto patience = Clock::now() + std::chrono::seconds(60);
    while (stop.ok < 100 && Clock::now() < patience) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(random.below(50)));
    const auto begin = Clock::now();
    server.ask_to_stop();
    const auto code = server.wait(milliseconds(60000));
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (!code) {
      fmt::print("the server did not stop in a minute\n");
      server.end_at_once();
    }
    for (auto& thread : threads) thread.join();
    const auto text = [](std::size_t count) { return std::to_string(count); };
    table.add({text(i + 1), text(stop.ok), text(stop.refused), text(stop.not_sent), text(stop.lost), text(stop.other),
               fmt::format("{:.2f}", seconds), code ? std::to_string(*code) : "none"});
    wrong += stop.lost + stop.other + (code == 0 ? 0 : 1);
    if (code != 0) fmt::print("{}", server.messages());
  }
  fmt::print("\nstopped under load\n{}", table.text());
  return wrong;
}

int run(const Arguments& arguments) {
  const TemporaryFolder folder;
  auto wrong = disturb(arguments, folder.path / "server.log");
  if (arguments.stops > 0) wrong += stop_under_load(arguments, folder.path / "server.log");
  fmt::print("\n{}\n", wrong == 0 ? "every promise was kept" : fmt::format("{} promises were broken", wrong));
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kuda

int main(int argc, char** argv) {
  kuda::Arguments arguments;
  CLI::App program("Good requests to `kuda serve` among clients that behave badly, then stops under load.");
  program.add_option("kuda", arguments.kuda, "the program")->required();
  program.add_option("run", arguments.run, "run folder of a model that reads raw text")->required();
  program.add_option("--requests", arguments.requests, "good requests, at least")->capture_default_str();
  program.add_option("--stops", arguments.stops, "stops under load")->capture_default_str();
  program.add_option("--seed", arguments.seed, "of what is sent")->capture_default_str();
  CLI11_PARSE(program, argc, argv);
  try {
    return kuda::run(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
