//! Huawei's own Python SDKs as clients of the sandbox, and their signer as the judge of ours.
//!
//! They are installed from `PyPI` into a virtual environment below `target`, as in `python`.

use crate::dis_source::Stream;
use crate::huawei::{ACCESS_KEY, CONSUMER, PROJECT, SECRET_KEY, Sandbox, place_at, place_with};
use crate::python::{environment, or_skip};
use crate::recorder::Recorder;
use std::path::PathBuf;
use std::process::Command;

const PACKAGES: [&str; 3] = [
    "huaweicloudsdkcore==3.1.219",
    "huaweicloudsdkdis==3.1.219",
    "huaweicloudsdkdataartsstudio==3.1.219",
];

/// The clients that every script begins with.
const CLIENTS: &str = "
import base64, json, sys
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkdis.v2 import *
from huaweicloudsdkdis.v2 import DisClient
endpoint, project, access_key, secret_key = sys.argv[1:5]
def client(builder, secret_key=secret_key):
    credentials = BasicCredentials(access_key, secret_key, project)
    config = HttpConfig.get_default_config()
    return builder.with_http_config(config).with_credentials(credentials).with_endpoint(endpoint).build()
dis = client(DisClient.new_builder())
def refused(call):
    try:
        call()
    except ClientRequestException as refusal:
        return (refusal.status_code, refusal.error_code)
    return None
";

fn python() -> Option<PathBuf> {
    or_skip("Huawei SDK", environment("huawei-sdk-3.1.219", &PACKAGES))
}

/// What a script printed.
#[track_caller]
fn run(python: &PathBuf, address: std::net::SocketAddr, script: &str) -> String {
    let output = Command::new(python)
        .args(["-c", &format!("{CLIENTS}{script}")])
        .arg(format!("http://{address}"))
        .args([PROJECT, ACCESS_KEY, SECRET_KEY])
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_official_dis_sdk_writes_reads_and_commits_against_the_sandbox() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::start("");
    let printed = run(
        &python,
        sandbox.address,
        "
dis.create_stream(CreateStreamRequest(body=CreateStreamReq(stream_name='orders', partition_count=2)))
assert refused(lambda: client(DisClient.new_builder(), 'wrong').list_app(ListAppRequest()))[0] == 401
entries = [PutRecordsRequestEntry(data=base64.b64encode(b'row %d' % n).decode(), partition_id='shardId-0000000001') for n in range(5)]
sent = dis.send_records(SendRecordsRequest(body=PutRecordsRequest(stream_name='orders', records=entries)))
assert sent.failed_record_count == 0 and [r.sequence_number for r in sent.records] == ['0', '1', '2', '3', '4'], sent
stream = dis.show_stream(ShowStreamRequest(stream_name='orders'))
assert [p.partition_id for p in stream.partitions] == ['shardId-0000000000', 'shardId-0000000001'], stream
commit = lambda n: dis.commit_checkpoint(CommitCheckpointRequest(body=CommitCheckpointReq(
    app_name='reader', checkpoint_type='LAST_READ', stream_name='orders', partition_id='1', sequence_number=n, metadata='m')))
assert refused(lambda: commit('2')) == (400, 'DIS.4332')
dis.create_app(CreateAppRequest(body=CreateAppReq(app_name='reader')))
assert refused(lambda: dis.create_app(CreateAppRequest(body=CreateAppReq(app_name='reader')))) == (400, 'DIS.4330')
show = lambda: dis.show_checkpoint(ShowCheckpointRequest(stream_name='orders', partition_id='shardId-0000000001', app_name='reader', checkpoint_type='LAST_READ'))
assert show().sequence_number == '-1'
assert refused(lambda: commit('5')) == (400, 'DIS.4224')
assert commit('1').status_code == 201
assert (show().sequence_number, show().metadata) == ('1', 'm')
cursor = dis.show_cursor(ShowCursorRequest(stream_name='orders', partition_id='shardId-0000000001',
    cursor_type='AFTER_SEQUENCE_NUMBER', starting_sequence_number='1')).partition_cursor
page = dis.consume_records(ConsumeRecordsRequest(partition_cursor=cursor))
print([(r.sequence_number, base64.b64decode(r.data).decode()) for r in page.records])
empty = dis.consume_records(ConsumeRecordsRequest(partition_cursor=page.next_partition_cursor))
assert empty.records == [] and empty.next_partition_cursor, empty
state = dis.show_consumer_state(ShowConsumerStateRequest(app_name='reader', stream_name='orders', checkpoint_type='LAST_READ'))
assert [p.sequence_number for p in state.partition_consuming_states] == ['-1', '1'], state
assert dis.list_app(ListAppRequest()).apps[0].commit_checkpoint_stream_names == ['orders']
",
    );
    assert_eq!(
        printed,
        "[('2', 'row 2'), ('3', 'row 3'), ('4', 'row 4')]\n"
    );
    // Each sees what the other has committed.
    let place = place_at(sandbox.address);
    let orders = "--stream orders --app reader --partition 1";
    place
        .end(&format!("checkpoint get {orders}"))
        .expect(0)
        .says("sequence number  1\n");
    place
        .end(&format!(
            "checkpoint commit {orders} --sequence 4 --metadata ours"
        ))
        .expect(0);
    let printed = run(
        &python,
        sandbox.address,
        "
found = dis.show_checkpoint(ShowCheckpointRequest(stream_name='orders', partition_id='1', app_name='reader', checkpoint_type='LAST_READ'))
print(found.sequence_number, found.metadata)
print(dis.delete_checkpoint(DeleteCheckpointRequest(stream_name='orders', app_name='reader', checkpoint_type='LAST_READ')).status_code)
",
    );
    assert_eq!(printed, "4 ours\n204\n");
    place.end(&format!("checkpoint get {orders}")).expect(8);
}

#[test]
fn what_the_official_sdk_writes_is_uploaded_and_it_sees_the_checkpoint() {
    let Some(python) = python() else { return };
    let stream = Stream::start("");
    let address = stream.sandbox.address;
    run(
        &python,
        address,
        "
dis.create_stream(CreateStreamRequest(body=CreateStreamReq(stream_name='orders', partition_count=2)))
rows = ['{\"id\":\"%06d\"}' % n for n in range(40)]
entries = [PutRecordsRequestEntry(data=base64.b64encode('\\n'.join(rows[n:n + 4]).encode()).decode(), partition_key=str(n)) for n in range(0, 40, 4)]
assert dis.send_records(SendRecordsRequest(body=PutRecordsRequest(stream_name='orders', records=entries))).failed_record_count == 0
",
    );
    stream.read("--create-app", 0);
    let wanted: Vec<String> = (0..40).map(|n| format!("{{\"id\":\"{n:06}\"}}")).collect();
    assert_eq!(stream.stored(), wanted);
    let printed = run(
        &python,
        address,
        "
state = dis.show_consumer_state(ShowConsumerStateRequest(app_name='reader', stream_name='orders', checkpoint_type='LAST_READ'))
print(sum(int(p.sequence_number) + 1 for p in state.partition_consuming_states))
",
    );
    assert_eq!(printed, "10\n");
}

#[test]
fn the_official_dataarts_sdk_sends_metadata_to_the_sandbox() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::start("");
    run(
        &python,
        sandbox.address,
        "
from huaweicloudsdkdataartsstudio.v1 import *
from huaweicloudsdkdataartsstudio.v1 import DataArtsStudioClient
catalog = client(DataArtsStudioClient.new_builder())
def send(kind, instance):
    event = CatalogMetaDataEventInfo(event_ts=1, event_type=kind, event_message={'table': {'tableName': 'testTb1'}})
    body = CatalogMetaDataEventRequest(engine='MRS', engine_version='3.1.2', instance_id=instance, events=[event, event])
    return catalog.batch_sync_metadata(BatchSyncMetadataRequest(body=body))
assert send('CreateTableEvent', 'i-1').success is True
assert refused(lambda: send('CreateTableEvent', None)) == (400, 'DS.6000')
assert refused(lambda: send('MakeTableEvent', 'i-1')) == (400, 'DS.6000')
",
    );
    let known = &sandbox.state()["metadata"];
    assert_eq!(
        *known,
        serde_json::json!([{
            "project": PROJECT, "engine": "MRS", "instance_id": "i-1",
            "event_type": "CreateTableEvent", "events": 2
        }])
    );
    let events = sandbox.get("/sandbox/metadata");
    assert_eq!(events.lines().count(), 2, "{events}");
    assert!(events.contains("testTb1"), "{events}");
}

#[test]
fn the_official_signer_signs_our_requests_as_we_do() {
    let Some(python) = python() else { return };
    let recorder = Recorder::answering(|_, _| {
        crate::huawei::json(200, r#"{"sequence_number":"1","metadata":"a b"}"#)
    });
    let place = place_with(&recorder);
    place
        .end(&format!(
            "checkpoint commit {CONSUMER} --sequence 9 --metadata x~y"
        ))
        .expect(0);
    let requests = recorder.everything();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let authorization = request.header("authorization").unwrap();
        let signed = ["content-type", "host", "x-project-id", "x-sdk-date"]
            .map(|name| (name, request.header(name).unwrap()));
        let described = serde_json::json!({
            "method": request.method, "path": request.path, "query": request.query,
            "headers": signed, "body": String::from_utf8(request.text.clone()).unwrap(),
        });
        let script = format!(
            "
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkcore.sdk_request import SdkRequest
from urllib.parse import parse_qsl
asked = json.loads({:?})
headers = dict(asked['headers'])
request = SdkRequest(method=asked['method'], schema='http', host=headers['host'], resource_path=asked['path'],
    query_params=parse_qsl(asked['query'], keep_blank_values=True), header_params=headers, body=asked['body'])
print(Signer(BasicCredentials(access_key, secret_key, project)).sign(request).header_params['Authorization'])
",
            described.to_string()
        );
        assert_eq!(
            run(&python, recorder.address, &script).trim(),
            authorization
        );
    }
}
