#include "tests/webdriver.h"

#include <httplib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "kuda/base/child_process.h"
#include "kuda/base/error.h"

namespace kuda::test {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr auto kPause = std::chrono::milliseconds(50);

std::string bytes_of_base64(const std::string& text) {
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char letter : text) {
    const unsigned value = letter >= 'A' && letter <= 'Z'   ? unsigned(letter - 'A')
                           : letter >= 'a' && letter <= 'z' ? unsigned(letter - 'a') + 26
                           : letter >= '0' && letter <= '9' ? unsigned(letter - '0') + 52
                           : letter == '+'                  ? 62
                           : letter == '/'                  ? 63
                                                            : 64;
    if (value > 63) continue;  // "=" at the end
    bits = (bits << 6U | value) & 0xFFFFFFU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> unsigned(count) & 0xFFU);
  }
  return bytes;
}

/// The value of an answer of the driver. Throws its message.
Browser::Json value_of(const httplib::Result& answer, const std::string& what) {
  if (!answer) throw std::runtime_error(what + ": no answer of chromedriver: " + httplib::to_string(answer.error()));
  const auto body = Browser::Json::parse(answer->body, nullptr, false);
  if (!body.is_object() || !body.contains("value"))
    throw std::runtime_error(what + ": chromedriver answers " + answer->body.substr(0, 200));
  if (answer->status == 200) return body["value"];
  throw std::runtime_error(what + ": " + body["value"].value("message", answer->body).substr(0, 1000));
}

Browser::Json capabilities(const std::filesystem::path& folder, const std::vector<std::string>& more) {
  Browser::Json arguments{"--headless=new",
                          "--no-sandbox",
                          "--disable-gpu",
                          "--disable-dev-shm-usage",
                          "--no-first-run",
                          "--no-proxy-server",
                          "--disable-background-networking",
                          "--disable-component-update",
                          "--disable-extensions",
                          "--disable-sync",
                          "--window-size=1200,1000",
                          "--user-data-dir=" + (folder / "profile").string()};
  for (const auto& argument : more) arguments.push_back(argument);
  return {{"capabilities",
           {{"alwaysMatch",
             {{"browserName", "chrome"},
              {"timeouts", {{"script", 60000}, {"pageLoad", 120000}}},
              {"goog:loggingPrefs", {{"browser", "ALL"}, {"performance", "ALL"}}},
              {"goog:chromeOptions", {{"args", arguments}}}}}}}};
}

}  // namespace

Background::Background(std::vector<std::string> words, std::filesystem::path output,
                       const std::map<std::string, std::string>& environment)
    : output_(std::move(output)) {
  const auto child =
      start_process(std::move(words), {.output = output_, .environment = environment, .own_group = true});
  is_there_ = child.has_value();
  pid_ = child.value_or(-1);
}

Background::~Background() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGTERM);
  const auto end = Clock::now() + seconds(20);
  while (is_running() && Clock::now() < end) std::this_thread::sleep_for(kPause);
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Background::is_running() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

std::string Background::output() const {
  std::ifstream stream(output_, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

std::optional<std::string> Background::find(const std::regex& pattern) {
  const auto end = Clock::now() + seconds(60);
  for (;;) {
    const bool is_last = !is_running() || Clock::now() > end;  // asked before the output is read
    const auto text = output();
    if (std::smatch match; std::regex_search(text, match, pattern)) return match[1].str();
    if (is_last) return std::nullopt;
    std::this_thread::sleep_for(kPause);
  }
}

std::unique_ptr<Browser> Browser::start(const std::filesystem::path& folder, std::string& why,
                                        const std::vector<std::string>& more) {
  std::unique_ptr<Browser> browser(new Browser);
  try {
    std::filesystem::create_directories(folder);
    browser->driver_ =
        std::make_unique<Background>(std::vector<std::string>{"chromedriver", "--port=0"}, folder / "chromedriver.log",
                                     std::map<std::string, std::string>{{"HOME", folder.string()}});
    if (!browser->driver_->is_there()) {
      why = "there is no chromedriver (Debian: chromium-driver)";
      return nullptr;
    }
    const auto port = browser->driver_->find(std::regex("started successfully on port ([0-9]+)"));
    if (!port) {
      why = "chromedriver does not start: " + browser->driver_->output().substr(0, 1000);
      return nullptr;
    }
    browser->port_ = std::stoi(*port);
    browser->session_ =
        "/session/" + browser->call("POST", "/session", capabilities(folder, more))["sessionId"].get<std::string>();
    browser->go("about:blank");
    (void)browser->requested_urls();  // of the browser's own first page
  } catch (const std::exception& error) {
    why = error.what();
    return nullptr;
  }
  return browser;
}

Browser::~Browser() {
  try {
    if (!session_.empty()) call("DELETE", "");
  } catch (const std::exception&) {  // it is gone already; what is left ends with the driver
  }
}

Browser::Json Browser::call(const std::string& method, const std::string& path, const Json& body) {
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(150, 0);
  const auto url = session_ + path;
  const auto what = method + " " + path;
  if (method == "GET") return value_of(client.Get(url), what);
  if (method == "DELETE") return value_of(client.Delete(url), what);
  return value_of(client.Post(url, body.dump(), "application/json"), what);
}

Browser::Json Browser::developer(const std::string& command, const Json& parameters) {
  return call("POST", "/goog/cdp/execute", {{"cmd", command}, {"params", parameters}});
}

std::string Browser::element(const std::string& selector) {
  const auto found = call("POST", "/element", {{"using", "css selector"}, {"value", selector}});
  return found.begin()->get<std::string>();  // {"element-6066-...": id}
}

void Browser::go(const std::string& url) { call("POST", "/url", {{"url", url}}); }

Browser::Json Browser::value(const std::string& expression) {
  return call("POST", "/execute/sync", {{"script", "return (" + expression + ")"}, {"args", Json::array()}});
}

void Browser::wait_for(const std::string& expression, int most_seconds) {
  const auto end = Clock::now() + seconds(most_seconds);
  while (value(expression) != true) {
    if (Clock::now() > end) {
      const auto alert = value("(document.querySelector('[role=alert]') || document.body).innerText");
      throw std::runtime_error("not true after " + std::to_string(most_seconds) + " seconds: " + expression +
                               "; the page says: " + alert.dump());
    }
    std::this_thread::sleep_for(kPause);
  }
}

std::string Browser::text(const std::string& selector) {
  return call("GET", "/element/" + element(selector) + "/text").get<std::string>();
}

void Browser::click(const std::string& selector) {
  const auto end = Clock::now() + seconds(30);
  for (;;) {
    try {
      call("POST", "/element/" + element(selector) + "/click");
      return;
    } catch (const std::runtime_error&) {  // it moves, or is covered or replaced
      if (Clock::now() > end) throw;
      std::this_thread::sleep_for(kPause);
    }
  }
}

void Browser::clear(const std::string& selector) { call("POST", "/element/" + element(selector) + "/clear"); }

void Browser::type(const std::string& selector, const std::string& text) {
  call("POST", "/element/" + element(selector) + "/value", {{"text", text}});
}

void Browser::type(const std::string& text) {
  const auto focused = call("GET", "/element/active").begin()->get<std::string>();
  call("POST", "/element/" + focused + "/value", {{"text", text}});
}

void Browser::set_phone(int width, int height) {
  if (width == 0) {
    developer("Emulation.clearDeviceMetricsOverride", Json::object());
    return;
  }
  developer("Emulation.setDeviceMetricsOverride",
            {{"width", width}, {"height", height}, {"deviceScaleFactor", 2}, {"mobile", true}});
}

void Browser::prefer(const std::string& feature, const std::string& setting) {
  developer("Emulation.setEmulatedMedia", {{"features", {{{"name", feature}, {"value", setting}}}}});
}

void Browser::keep_picture(const std::string& name) {
  const char* folder = std::getenv("KUDA_SCREENSHOTS");
  if (folder == nullptr) return;
  std::filesystem::create_directories(folder);
  const auto picture = developer("Page.captureScreenshot", {{"captureBeyondViewport", true}});
  std::ofstream(std::filesystem::path(folder) / (name + ".png"), std::ios::binary)
      << bytes_of_base64(picture.at("data").get<std::string>());
}

Browser::Json Browser::log(const std::string& kind) { return call("POST", "/se/log", {{"type", kind}}); }

std::vector<std::string> Browser::requested_urls() {
  std::vector<std::string> urls;
  for (const auto& entry : log("performance")) {
    const auto event = Json::parse(entry.at("message").get<std::string>()).at("message");
    if (event.at("method") != "Network.requestWillBeSent") continue;
    const auto url = event.at("params").at("request").at("url").get<std::string>();
    if (!url.starts_with("chrome:")) urls.push_back(url);  // parts of the browser
  }
  return urls;
}

std::vector<std::string> Browser::console() {
  std::vector<std::string> lines;
  for (const auto& entry : log("browser")) lines.push_back(entry.at("message").get<std::string>());
  return lines;
}

}  // namespace kuda::test
