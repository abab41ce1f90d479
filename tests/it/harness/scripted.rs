//! A bot that does only what a test says, for what Discord offers to bots and ours doesn't use.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tributary_sandbox::Sandbox;

use super::SOON;

/// Says how to answer an interaction: the body of the callback, or nothing.
pub type Script = fn(&Value) -> Option<Value>;

/// A connected bot. Dropping it ends it.
pub struct Scripted {
    task: JoinHandle<()>,
}

impl Scripted {
    /// Registers these commands, connects, and answers as the script says.
    pub async fn start(sandbox: &Sandbox, commands: Value, script: Script) -> Self {
        let path = format!("/applications/{}/commands", sandbox.application_id());
        let registered = call(sandbox, reqwest::Method::PUT, &path, &commands).await;
        assert!(registered.is_array(), "{registered}");
        let gateway = format!("{}/gateway?v=10&encoding=json", sandbox.base().replacen("http", "ws", 1));
        let (mut socket, _) = connect_async(gateway).await.expect("the gateway is there");
        let identify = json!({ "op": 2, "d": {
            "token": sandbox.token(), "intents": 1, "properties": { "os": "", "browser": "", "device": "" },
        }});
        let _hello = socket.next().await;
        socket.send(Message::text(identify.to_string())).await.expect("it listens");
        let discord = sandbox.clone();
        let task = tokio::spawn(async move {
            while let Some(Ok(frame)) = socket.next().await {
                let Ok(text) = frame.to_text() else { continue };
                let event: Value = serde_json::from_str(text).unwrap_or_default();
                if event["t"] != "INTERACTION_CREATE" {
                    continue;
                }
                if let Some(answer) = script(&event["d"]) {
                    let part = |key: &str| event["d"][key].as_str().expect("a text").to_owned();
                    let path = format!("/interactions/{}/{}/callback", part("id"), part("token"));
                    let answered = call(&discord, reqwest::Method::POST, &path, &answer).await;
                    assert!(answered.is_null(), "Discord refused: {answered}");
                }
            }
        });
        sandbox.wait_until_connected(SOON).await.expect("it connects");
        Self { task }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Calls Discord as the bot; null if the answer has no body.
async fn call(sandbox: &Sandbox, method: reqwest::Method, path: &str, body: &Value) -> Value {
    let url = format!("{}/api/v10{path}", sandbox.base());
    let request = reqwest::Client::new().request(method, url).json(body);
    let request = request.header("authorization", format!("Bot {}", sandbox.token()));
    request.send().await.expect("an answer").json().await.unwrap_or_default()
}
